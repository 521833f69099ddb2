"""How long does a training step wait for images out of a folder of 100,000 JPEGs, and does memory grow on the way?

Photos of noise and shapes, 128 x 128 px, in ten class folders; MobileNetV2 at 96 px, batch 64, nothing kept decoded.
Waiting is the time between a step's end and its next batch, of the lab's own loop; memory that of the process after
each twentieth of the steps.
"""

import io
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks import AT_MOST, Row, row
from lab.opening import open_trainer
from lab.spec import Run, resolve
from lab.steps import Phase
from lab.training import Training

COUNT, PX, SIZE, BATCH, STEPS = 100_000, 128, 96, 64, 200
WARM = 5  # first steps, that trace and fill what is read ahead, are left out


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        photos = filled(Path(place) / "photos")
        began = time.perf_counter()
        run = Run(
            strategy="finetune(warmup=0)", dataset=str(photos), backbone="MobileNetV2", weights="none", size=SIZE,
            batch_size=BATCH, augment="none", checks="none", image_cache="none",
        )  # fmt: skip
        resolved = resolve(run, Path(place))
        looked = time.perf_counter() - began
        trainer = open_trainer(resolved, Path(place), lambda event: None)
        waited, whole, memory = trained(trainer, resolved)
    half = len(memory) // 2
    what = f"{COUNT:,} JPEGs in a folder, MobileNetV2 at {SIZE} px, batch {BATCH}"
    return [
        row(f"{what}: waiting for a batch", "ms", 1e3 * waited, "a whole step", 1e3 * whole, (AT_MOST, 0.05)),
        row("memory in the second half of the steps", "MB", max(memory[half:]), "in the first", max(memory[:half]),
            (AT_MOST, 1.02)),
        row("a first look at every file, once", "s", looked, "an epoch of training", whole * COUNT / BATCH),
    ]  # fmt: skip


def trained(trainer: Any, resolved: Any) -> tuple[float, float, list[float]]:
    """(mean seconds that a step waits, mean seconds of a step and its wait, MB of memory on the way)."""
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
    return float(np.mean(waits[WARM:])), float(np.mean(np.diff(ends[WARM:]))), memory[2:]


def filled(folder: Path) -> Path:
    """The photos: a few hundred different ones, each many times under a mark of its own, so that no two are equal."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (500, 8, 8, 3), "uint8")
    photos = [Image.fromarray(c).resize((PX, PX), Image.Resampling.BICUBIC) for c in coarse]

    def write(i: int) -> None:
        photo, content = photos[i % len(photos)].copy(), io.BytesIO()
        photo.paste((i % 256, i // 256 % 256, i // 65536), (0, 0, 8, 8))
        photo.save(content, "JPEG", quality=90)
        (folder / str(i % 10) / f"{i}.jpg").write_bytes(content.getvalue())

    for c in range(10):
        (folder / str(c)).mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(COUNT)))
    return folder
