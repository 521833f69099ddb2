"""How long does a training step wait for images out of a folder of 100,000 JPEGs, and does memory grow on the way?

The folder is that of experiments/own_folder.py: 320 x 240 px, 17 kB each; MobileNetV2 at 96 px, batch 64, nothing kept
decoded. Waiting is the time between a step's end and its next batch, of the lab's own loop; memory that of the process
after each twentieth of the steps.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from own_folder import folder_of, pictures

from benchmarks import AT_MOST, Row, in_turn, row
from lab.runs.setup import open_trainer
from lab.runs.spec import Run, resolve
from lab.steps import Phase
from lab.training.phase import Training

COUNT, SIZE, BATCH, STEPS = 100_000, 96, 64, 200
WARM = 5  # first steps, that trace and fill what is read ahead, are left out


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        os.environ["LAB_CACHE"] = place
        photos = folder_of(COUNT, Path(place), pictures())
        began = time.perf_counter()
        run = Run(
            strategy="finetune(warmup=0)", dataset=str(photos), backbone="MobileNetV2", weights="none", size=SIZE,
            batch_size=BATCH, augment="none", checks="none", image_cache="none",
        )  # fmt: skip
        resolved = resolve(run, Path(place))
        looked = time.perf_counter() - began
        trainer = open_trainer(resolved, Path(place), lambda event: None)
        waited, whole, memory, bare = trained(trainer, resolved)
    half = len(memory) // 2
    what = f"{COUNT:,} JPEGs in a folder, MobileNetV2 at {SIZE} px, batch {BATCH}"
    return [
        row(f"{what}: waiting for a batch", "ms", 1e3 * waited, "a whole step", 1e3 * whole, (AT_MOST, 0.05)),
        row("a step on images out of the folder", "ms", 1e3 * whole, "train_on_batch on one batch", 1e3 * bare),
        row("memory in the second half of the steps", "MB", max(memory[half:]), "in the first", max(memory[:half]),
            (AT_MOST, 1.02)),
        row("a first look at every file, once", "s", looked, "an epoch of training", whole * COUNT / BATCH),
    ]  # fmt: skip


def trained(trainer: Any, resolved: Any) -> tuple[float, float, list[float], float]:
    """(mean seconds that a step waits, those of a step and its wait, MB on the way, seconds of a step on one batch)."""
    phase = next(s for s in resolved.strategy.steps(trainer.net.parts) if isinstance(s, Phase))
    trainer.record.append({})
    training, waits, ends, memory = Training(trainer, phase), [], [], []
    training.compile(STEPS)
    batches = training.batches

    def watched(number: int, steps: range) -> Iterator[Any]:
        made = iter(batches(number, steps))
        for step in steps:
            began = time.perf_counter()
            batch = next(made)
            waits.append(time.perf_counter() - began)
            yield batch
            ends.append(time.perf_counter())
            if step % (STEPS // 20) == 0:
                memory.append(psutil.Process().memory_info().rss / 1e6)

    training.batches = watched
    training._fit(0, range(STEPS), (STEPS, STEPS))
    x, y = next(iter(batches(0, range(1))))
    bare = in_turn({"bare": lambda: training.fitted.train_on_batch(x, y, return_dict=True)}, 15)["bare"]
    return float(np.mean(waits[WARM:])), float(np.mean(np.diff(ends[WARM:]))), memory[2:], bare
