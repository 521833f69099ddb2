"""Validation scores of an experiment's models by step, smoothed: img/smoothed/<experiment>-<data>.png."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from lab.drawing import MOMENTUM, legend_below, look, smoothed, subplots
from lab.report.bubbles import compared, label_of
from lab.report.curves import points
from lab.runs.spec import plain
from lab.task import kind_of

Record = dict[str, Any]


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) for every experiment that compares segmentations."""
    done = {(r["experiment"], r["group"]): r for r in sorted(records, key=lambda r: -r["choices"].get("seed", 0))}
    for name, data, rows in compared(records):
        firsts = [(label_of(row), done[name, row["first"]["group"]]) for row in rows]
        task = kind_of(firsts[0][1])
        score = task.score
        numbers = [[label, [[p["x"], p[f"val_{score}"]] for p in points(r)]] for label, r in firsts if points(r)]
        yield f"smoothed/{name}-{plain(data)}.png", numbers, partial(_draw, numbers, task.called, data)


def _draw(numbers: list[list], score: str, data: str) -> Any:
    figure, axes = subplots(1, 1, width=11, height=6)
    axis = axes[0, 0]
    for i, (label, line) in enumerate(numbers):
        x, y = [p[0] for p in line], [p[1] for p in line]
        style = {k: v for k, v in look(i).items() if k != "marker"}
        axis.plot(x, y, **style, alpha=0.25, lw=0.8)
        axis.plot(x, smoothed(y), **style, lw=1.6, label=label)
    axis.set(xlabel="training steps", ylabel=f"validation {score}", ylim=(0, None))
    legend_below(figure, [label for label, _ in numbers])
    figure.suptitle(f"{data}: validation {score}, moving average of {MOMENTUM:g}; faint: as measured; the first seed")
    return figure
