"""Which examples are worth a look, kept as arrays for the report to draw.

May import `inputs`; may not import tasks and the report, which import it.
"""
