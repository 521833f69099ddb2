"""A lab that compares, fairly, the ways to transfer a pretrained network."""

import os

__version__ = "0.1.0"

# TensorFlow's fast kernels for a CPU, which it leaves off where the CPU lacks AVX-512: a training step
# is faster with them (experiments/cpu.py measures it). It reads this once, so it is set before anything imports it
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
