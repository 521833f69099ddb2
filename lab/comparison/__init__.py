"""Who wins, by how much, how sure: contests, paired differences, verdicts.

May import records and runs' choices; no Keras; may not import the report, which imports it.
"""
