"""Looks at a data set before anything is learnt from it: `python -m lab.data`."""
