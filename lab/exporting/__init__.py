"""Runs as files for other programs, and the model card that goes with them.

May import inference and all below; may not import commands.
"""
