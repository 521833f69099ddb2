"""Looks at a data set before anything is learnt from it: `python -m lab.data`.

May import networks, data sets and all below; may not import training and runs.
"""
