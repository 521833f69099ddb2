"""Score against the time that it took: a dot a strategy, and the front of those that no other beats; img/pareto."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from lab.comparison.verdict import undominated
from lab.drawing import BLUE, RED, named, subplots
from lab.records.store import data_of
from lab.report import strategies
from lab.runs.spec import plain
from lab.task import score, score_name

Record = dict[str, Any]


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) where many strategies were compared."""
    for first, runs in strategies.compared(records):
        c = first["choices"]
        numbers = [
            [s, np.mean([score(r, "test") for r in of]), np.mean([strategies.seconds(r) for r in of])]
            for s, of in runs.items()
        ]
        data = data_of(c)
        name = f"pareto/{first['experiment']}-{plain(data)}-{plain(c['backbone'])}-{c['size']}px.png"
        yield name, numbers, partial(_draw, numbers, score_name(first), f"{data}, {c['backbone']}, {c['size']} px")


def _draw(numbers: list[list], score: str, title: str) -> Any:
    figure, axes = subplots(1, 1, width=8, height=5)
    axis, best = axes[0, 0], undominated({s: (value, cost) for s, value, cost in numbers})
    front = sorted((cost, value) for s, value, cost in numbers if s in best)
    axis.plot(*zip(*front, strict=True), color=RED, lw=1.2, ls="--", label="no other is better in less time")
    for strategy, value, cost in numbers:
        on = strategy in best
        axis.plot([cost], [value], "o", ms=7, color=RED if on else BLUE, alpha=1 if on else 0.6)
    axis.set(xscale="log", xlabel="training, seconds of the CPU", ylabel=f"test {score}, mean over seeds", title=title)
    axis.margins(x=0.15)
    axis.legend(loc="lower right")
    named(axis, [strategy for strategy, _, _ in numbers], [(cost, value) for _, value, cost in numbers])
    return figure
