"""Do costs grow no faster than what they are for: images in a folder, classes, pixels, records?

What an image or a record costs is the difference between two counts, by the number between them, so that what any
command takes to start is left out: of the two largest counts beside the two smallest. CPU time of whole commands. Of
images: the first look at a folder of small JPEGs, reading them, one step of cnn10 at 32 px, all evaluations. Of
classes: as many images whatever the classes; a run of one step evaluates them, and writes down its predictions; the
report then reads its record. Of pixels: a step of cnn10, and a prediction, by its pixels. Of records: tables and a
comparison, once all pictures are drawn and all verdicts kept, over committed records as often as it takes.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from own_folder import folder_of, pictures

from benchmarks import AT_MOST, Row, cost_of, row, start, steps
from lab import report
from lab.runs.setup import open_trainer
from lab.runs.spec import Run, resolve

IMAGES, JPEG = (1_000, 5_000, 20_000, 50_000), (48, 48)  # in a folder; pixels of each
CLASSES, DRAWN = (10, 100, 1_000), {"train": 4_000, "val": 2_000, "test": 4_000}
SIZES, BATCH, STEPS = (32, 64, 128, 224), 32, 8
RECORDS = (100, 1_000, 10_000)
TIMES, LINEAR = 3, (AT_MOST, 1.2)
RUN = ["-m", "lab.run", "--strategy", "scratch", "--backbone", "cnn10", "--size", "32", "--budget", "1step"]
COMMANDS = {
    "report": ["-m", "lab.report"],
    "compare": ["-m", "lab.compare", "scratch", "finetune(warmup=0.1)", "--on", "water"],  # are in the first 100
}


def measure() -> list[Row]:
    rows = []
    for part in (of_images, of_classes, of_pixels, of_records):
        with tempfile.TemporaryDirectory() as place:
            rows += part(Path(place))
    return rows


def of_images(place: Path) -> list[Row]:
    cost, jpegs = {}, pictures(JPEG)
    for count in IMAGES:
        folder = folder_of(count, place, jpegs)
        cost[count] = seconds(lambda turn, f=folder: [*RUN, "--dataset", str(f), "--out", f"{f}_{turn}"], looks=True)
        shutil.rmtree(folder)
    return [one_more("image of a folder, in a run of one step", cost)]


def of_classes(place: Path) -> list[Row]:
    runs, reports = {}, {}
    for classes in CLASSES:
        out = place / f"{classes}"
        words = [*RUN, "--checks", "none", "--dataset", str(drawn(classes, place)), "--out"]
        runs[classes] = seconds(lambda turn, w=words, o=out: [*w, f"{o}_{turn}"])
        reports[classes] = seconds(lambda turn, o=out: ["-m", "lab.report", "--out", f"{o}_{turn}"])
    few, *more = CLASSES
    return [
        row(f"{what} {many:,} classes, CPU time", "s", cost[many], f"{few} classes", cost[few], LINEAR)
        for what, cost in {"a run of one step on 10,000 images of": runs, "a report on it, of": reports}.items()
        for many in more
    ]


def drawn(classes: int, place: Path) -> Path:
    """Noise of so many classes, in a file."""
    rng, path = np.random.default_rng(0), place / f"{classes}_classes.npz"
    x = {f"x_{part}": rng.integers(0, 256, (count, 32, 32, 3), "uint8") for part, count in DRAWN.items()}
    np.savez(path, **x, **{f"y_{part}": np.arange(count) % classes for part, count in DRAWN.items()})
    return path


def of_pixels(place: Path) -> list[Row]:
    cost = {size: by_pixel(size, place) for size in SIZES}
    few, *more = SIZES
    return [
        row(
            f"{what} of cnn10, a pixel of {many} px, CPU time",
            "ns",
            cost[many][i],
            f"of {few} px",
            cost[few][i],
            LINEAR,
        )
        for i, what in enumerate(("training", "prediction"))
        for many in more
    ]


def by_pixel(size: int, place: Path) -> list[float]:
    """CPU nanoseconds of (training, prediction) for each pixel of an image, the median of some after one to warm up."""
    run = Run(
        strategy="finetune(warmup=0)", dataset="signs(train=10)", backbone="cnn10", weights="none", size=size,
        batch_size=BATCH, augment="none", checks="none",
    )  # fmt: skip
    trainer = open_trainer(resolve(run, place), place, lambda event: None)
    images = trainer.data.train.images[:BATCH]
    work: list[Callable[[], Any]] = [steps.loop(trainer, run, STEPS)[1]]
    work.append(lambda: [trainer.logits(images) for _ in range(STEPS)])
    return [1e9 * cpu(do) / (STEPS * BATCH * size**2) for do in work]


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds, the median of some after one to warm up."""
    found = []
    for _ in range(TIMES + 1):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return median(found[1:])


def of_records(place: Path) -> list[Row]:
    cost: dict[str, dict[int, float]] = {name: {} for name in COMMANDS}
    for count in RECORDS:
        root = place / f"{count}"
        root.mkdir()
        start.filled(root, count)
        report.rebuild(root)
        for name, words in COMMANDS.items():
            cost[name][count] = seconds(lambda turn, w=words, r=root: [*w, "--out", str(r)])
    return [one_more(f"record, in {name}", of) for name, of in cost.items()]


def seconds(words: Callable[[int], list[str]], looks: bool = False) -> float:
    """CPU seconds of a command, the median of some turns; in each it may look at its files for the first time."""
    found = []
    for turn in range(TIMES):
        with tempfile.TemporaryDirectory() as cache:
            found.append(cost_of(*words(turn), **({"LAB_CACHE": cache} if looks else {})).cpu)
    return median(found)


def one_more(what: str, cost: dict[int, float]) -> Row:
    """What one more costs between the two largest counts, beside between the two smallest."""
    counts = sorted(cost)
    few, many = (1e3 * (cost[b] - cost[a]) / (b - a) for a, b in (counts[:2], counts[-2:]))
    between = [f"of {a:,} to {b:,}" for a, b in (counts[:2], counts[-2:])]
    return row(f"one more {what}, {between[1]}, CPU time", "ms", many, between[0], few, LINEAR)
