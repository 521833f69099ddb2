"""A run's choices, its process and its life, from the command to the record.

May import training, checks and all below; may not import comparison, the report, commands.
"""
