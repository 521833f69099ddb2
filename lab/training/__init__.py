"""Executes a strategy's steps: batches, augmentation, optimizers, checkpoints, proof of what moved.

May import networks, strategies' steps, probes; may not import checks and runs.
"""
