"""A lab that compares, fairly, the ways to transfer a pretrained network."""

import os
from typing import Any

__version__ = "0.1.0"

# TensorFlow's fast kernels for a CPU, which it leaves off where the CPU lacks AVX-512: a training step
# is faster with them (experiments/cpu.py measures it). It reads this once, so it is set before anything imports it
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def __getattr__(name: str) -> Any:
    """What a written experiment needs: `from lab import Ensemble, Run, matrix`; imported when it is asked for."""
    if name in ("Ensemble", "Run", "matrix"):
        from lab.runs import spec

        return getattr(spec, name)
    raise AttributeError(f"module 'lab' has no attribute {name!r}")
