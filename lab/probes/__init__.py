"""Heads found by solving, and scores of how well a source suits the data.

May import the foundations (`lab.steps`); may not import networks and strategies, which import it.
"""
