"""The tasks; one file, one task. See `lab.task` for what it says.

A task stands above the wings: it may import all of them, and none imports it. It is found by its name.
"""
