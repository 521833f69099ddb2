"""All strategies that an experiment compared on one network and data set: score beside cost, in a picture."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from lab.drawing import dots, subplots
from lab.records.store import data_of
from lab.report import shots
from lab.report.table import together
from lab.runs.spec import plain
from lab.task import goodness, score, score_name

Record = dict[str, Any]
# What is the same for all that stand in one picture.
SAME = (*shots.SAME, "head", "limit")
FEWEST = 5  # strategies that make a picture


def compared(records: list[Record]) -> Iterator[tuple[Record, dict[str, list[Record]]]]:
    """Yields (a run, {strategy: its runs by seed}) of each comparison, the best mean test score first.

    What is compared by the number of examples has a picture of its own.
    """
    for some in together(shots.others(records), SAME):
        runs: dict[str, list[Record]] = {}
        for r in sorted(some, key=lambda r: r["choices"]["seed"]):
            runs.setdefault(r["choices"]["strategy"], []).append(r)
        alone = all(len({r["choices"]["seed"] for r in of}) == len(of) for of in runs.values())
        if len(runs) >= FEWEST and alone:
            yield some[0], dict(sorted(runs.items(), key=lambda item: -np.mean([goodness(r, "test") for r in item[1]])))


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) for every comparison."""
    for first, runs in compared(records):
        c = first["choices"]
        numbers = [[_label(s, of), [score(r, "test") for r in of], [seconds(r) for r in of]] for s, of in runs.items()]
        data = data_of(c)
        name = f"strategies/{first['experiment']}-{plain(data)}-{plain(c['backbone'])}-{c['size']}px.png"
        title = f"{data}, {c['backbone']}, {c['size']} px"
        yield name, numbers, partial(_draw, numbers, score_name(first), title)


def _label(strategy: str, runs: list[Record]) -> str:
    trained = max(r["net"]["trained"] for r in runs)
    return f"{strategy}, {trained:,} trained" if trained else strategy


def seconds(record: Record) -> float:
    """Of the CPU: other work on the machine does not count."""
    return record["cost"]["train_cpu_seconds"]


def _draw(numbers: list[list], score: str, title: str) -> Any:
    figure, axes = subplots(1, 2, width=6, height=1.2 + 0.27 * len(numbers))
    left, right = axes[0]
    labels = [label for label, _, _ in numbers]
    dots(left, labels, [values for _, values, _ in numbers])
    dots(right, [""] * len(labels), [seconds for _, _, seconds in numbers])
    left.set(xlabel=f"test {score}: each seed, and their mean")
    right.set(xlabel="training, seconds of the CPU", xscale="log")
    figure.suptitle(f"{title}: strategies by test {score}; the number of parameters that each trains", fontsize=11)
    return figure
