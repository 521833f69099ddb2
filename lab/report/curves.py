"""Loss and score of every group of runs by epoch, a line each seed: graph_loss_accuracy/<name>.png."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from lab.drawing import BLUE, GREEN, RED, line, subplots
from lab.records.store import data_of
from lab.task import kind_of, score

TRAIN, VAL, TEST = BLUE, RED, GREEN
Record = dict[str, Any]


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) for the runs that trained, grouped over seeds."""
    groups: dict[str, list[Record]] = {}
    for r in records:
        if r["status"] == "done" and points(r):
            stem = re.sub(r"-s\d+-[0-9a-f]{8}$", "", r["name"])
            groups.setdefault(f"graph_loss_accuracy/{r['experiment']}-{stem}-{r['group'][:6]}.png", []).append(r)
    for name, runs in groups.items():
        numbers = [[r["name"], points(r), score(r, "test"), r["test"]["loss"]] for r in runs]
        yield name, numbers, partial(_draw, runs)


def points(record: Record) -> list[dict[str, Any]]:
    """Epochs of all phases in a row, with `x`, the training steps so far."""
    found, steps = [], 0
    for phase in record["steps"]:
        found += [{**h, "x": steps + h["steps"]} for h in phase.get("history", [])]
        steps += phase.get("steps", 0)
    return found


def _draw(runs: list[Record]) -> Any:
    figure, axes = subplots(1, 2, width=5, height=3.8)
    left, right = axes[0]
    c, task = runs[0]["choices"], kind_of(runs[0])
    for axis, name, called in ((left, "loss", "loss"), (right, task.score, task.called)):
        for i, run in enumerate(runs):
            _lines(axis, run, name, labelled=i == 0)
        axis.set(xlabel="training steps", ylabel=called)
    smoothed = " (in training of smoothed labels)" if c.get("label_smoothing") else ""
    minimised = c.get("loss", task.minimised)
    other = f" (in training: {minimised})" if minimised != task.minimised else smoothed
    left.set(ylabel=f"loss, {task.unit.split(' a ')[0]}{other}", ylim=(0, None))
    right.set_ylim(0, task.limit and 1.02 * task.limit)
    right.legend(loc="best")
    source = "" if c["weights"] == "none" else f" from {c['weights']}"
    seeds = f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"
    policy = f", --bn {c['bn']}" if c["bn"] != "sound" else ""
    figure.suptitle(f"{c['strategy']} of {c['backbone']}{source} on {data_of(c)}, {c['size']} px, {seeds}{policy}")
    return figure


def _lines(axis: Any, run: Record, name: str, labelled: bool) -> None:
    """One run's figure by epoch: training, validation, test where it was watched, test at the end, phases' ends."""
    found = points(run)
    x = [p["x"] for p in found]
    label = (lambda text: {"label": text}) if labelled else (lambda text: {})
    style = {"marker": ".", "lw": 1.2, "alpha": 0.8}
    if all(name in p for p in found):  # mIoU is not measured while training
        line(axis, x, [p[name] for p in found], color=TRAIN, **style, **label("train, while training"))
    else:
        axis.plot(x[-1], run["train"][name], color=TRAIN, marker="*", ms=10, ls="", **label("train, at the end"))
    line(axis, x, [p[f"val_{name}"] for p in found], color=VAL, **style, **label("validation"))
    if all(f"test_{name}" in p for p in found):
        line(axis, x, [p[f"test_{name}"] for p in found], color=TEST, **style, **label("test, chosen by nothing"))
    axis.plot(x[-1], run["test"][name], color=TEST, marker="*", ms=10, ls="", **label("test, at the end"))
    for k, edge in enumerate(_edges(run)):
        axis.axvline(edge, color="0.7", lw=0.9, zorder=0, **(label("a phase ends") if k == 0 else {}))


def _edges(run: Record) -> list[int]:
    """Steps at which a phase ended and another began."""
    ends, steps = [], 0
    for phase in run["steps"]:
        steps += phase.get("steps", 0)
        ends.append(steps)
    return sorted({e for e in ends if 0 < e < steps})
