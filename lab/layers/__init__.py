"""Keras layers of the lab's own; registered, so that a saved model needs no Lambda."""
