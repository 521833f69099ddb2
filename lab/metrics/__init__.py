"""Figures from predictions: confusion, boundaries, calibration; and what a run did on each example.

May import `inputs`; may not import tasks, which import it.
"""
