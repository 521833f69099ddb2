"""What does a run on images zoomed to 256 px hold in memory beside one that leaves them at 32 px?

Peak memory of the run's process, with few images and with many: what grows with the number of images is the data
alone, as bytes, whatever the size that the network sees them at. A batch and its activations are what the size costs.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks import AT_MOST, Row, row, timed_command
from lab.records import store

FEW, MANY = 2_000, 42_000
BATCH = 16


def measure() -> list[Row]:
    peak = {(count, size): peaks(count, size) for count in (FEW, MANY) for size in (32, 256)}
    grown = {size: peak[MANY, size] - peak[FEW, size] for size in (32, 256)}
    what = f"memory that {MANY - FEW:,} more images of 32 px take, seen at 256 px"
    return [
        row(what, "MB", grown[256], "seen at 32 px", grown[32], (AT_MOST, 1.1)),
        row(what, "MB", grown[256], "their bytes", (MANY - FEW) * 32 * 32 * 3 / 1e6),
        row(f"peak of a run on {FEW:,} images at 256 px, batch {BATCH}", "MB", peak[FEW, 256], "at 32 px",
            peak[FEW, 32]),
    ]  # fmt: skip


def peaks(count: int, size: int) -> float:
    """MB of a run on so many images of noise."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "noise.npz"
        parts = {"train": count, "val": 64, "test": 64}
        np.savez(
            file,
            **{f"x_{n}": rng.integers(0, 256, (k, 32, 32, 3), "uint8") for n, k in parts.items()},
            **{f"y_{n}": np.arange(k) % 4 for n, k in parts.items()},
        )
        words = [
            "--strategy", "scratch", "--backbone", "cnn10(width=2)", "--weights", "none", "--dataset", str(file),
            "--size", str(size), "--batch-size", str(BATCH), "--budget", "20steps", "--augment", "none", "--checks",
            "none", "--out", folder,
        ]  # fmt: skip
        timed_command("-m", "lab.run", *words)
        return store.read(Path(folder))[0]["cost"]["peak_memory_mb"]
