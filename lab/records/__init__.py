"""What a finished run leaves: its record, outcomes, predictions, artifacts; and its data, read again.

May import data sets and the contract of tasks (`lab.task`); may not import networks, training and runs.
"""
