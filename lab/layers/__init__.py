"""Keras layers of the lab's own; registered, so that a saved model needs no Lambda.

May import the foundations; may not import networks, which import it.
"""
