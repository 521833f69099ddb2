"""Strategies on one network, loss and score by training step, a band over their seeds: img/together/<...>.png."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from lab.comparison.contestants import Contest, alike
from lab.drawing import legend_below, look, subplots
from lab.files import digest
from lab.records.store import data_of
from lab.report import shots
from lab.report.curves import points
from lab.report.table import network
from lab.runs.spec import plain
from lab.task import kind_of, score_name

Record = dict[str, Any]
FEWEST = 4  # points of a line that shows a course
Lines = dict[str, list[list[list[float]]]]  # of each strategy, of each seed: [step, loss, score]


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) where two strategies or more were trained alike."""
    for contest in alike(shots.others(records), "strategy"):
        lines = of_strategies(contest)
        if len(lines) > 1 and max(len(line) for of in lines.values() for line in of) >= FEWEST:
            c = contest.first["choices"]
            told = digest({k: v for k, v in c.items() if k not in ("strategy", "seed", "weights", "weights_digest")})
            stem = f"{contest.first['experiment']}-{plain(data_of(c))}-{plain(c['backbone'])}-{c['size']}px-{told[:6]}"
            title = f"{data_of(c)}, {network(c)}"
            yield f"together/{stem}.png", lines, partial(_draw, lines, score_name(contest.first), title)


def of_strategies(contest: Contest) -> Lines:
    """The validation loss and score of each run by step, of those that were trained; a strategy's seeds together."""
    name = kind_of(contest.first).score
    found: Lines = {}
    for strategy in sorted(contest.runs):
        measured = [points(r) for r in contest.runs[strategy].values()]
        if lines := [[[p["x"], p["val_loss"], p[f"val_{name}"]] for p in of] for of in measured if of]:
            found[strategy] = lines
    return found


def band(seeds: list[list[list[float]]], k: int) -> tuple[list[float], np.ndarray]:
    """(steps, (S, n) values of the k-th figure), as far as all seeds went; the steps are those of the first."""
    n = min(map(len, seeds))
    return [p[0] for p in seeds[0][:n]], np.array([[p[k] for p in line[:n]] for line in seeds], "float64")


def _draw(lines: Lines, score: str, title: str) -> Any:
    figure, axes = subplots(1, 2, width=6, height=4.4)
    for axis, k, what in zip(axes[0], (1, 2), ("loss, nats", score), strict=True):
        for i, (strategy, seeds) in enumerate(lines.items()):
            x, values = band(seeds, k)
            style = look(i)
            axis.plot(x, values.mean(0), label=strategy if k == 1 else None, **style, ms=3, lw=1.2)
            axis.fill_between(x, values.min(0), values.max(0), color=style["color"], alpha=0.15, lw=0)
        axis.set(xlabel="training steps", ylabel=f"validation {what}")
    legend_below(figure, list(lines))
    figure.suptitle(f"{title}: mean, and from the lowest to the highest seed")
    return figure
