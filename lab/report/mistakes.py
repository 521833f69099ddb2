"""What the best network of an experiment mistakes for what, and whether it knows: img/confusion, img/reliability."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lab.drawing import BLUE, RED, subplots
from lab.metrics import calibration
from lab.metrics.confusion import matrices
from lab.metrics.outcome import Outcome
from lab.records import outcomes
from lab.records.store import data_of
from lab.runs.spec import plain
from lab.task import goodness

Array = np.ndarray
Record = dict[str, Any]
NAMED = 50  # classes whose names fit beside a matrix
PAIRS = 15  # most confused pairs that are shown


def pictures(root: Path, records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) for the best network of each experiment and data set."""
    for runs in best(records):
        c, classes = runs[0]["choices"], runs[0]["data"]["classes"]
        name = f"{runs[0]['experiment']}-{plain(data_of(c))}"
        seeds = f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"
        title = f"{data_of(c)}: {c['strategy']} of {c['backbone']}, {c['size']} px, test examples of {seeds}"
        if c["task"] == "segmentation":
            matrix = np.sum([r["test"]["confusion"] for r in runs], axis=0)
            yield _confused(name, matrix, classes, f"{title}, pixels")
            continue
        found = outcomes.read(root, runs)[1] if all(outcomes.path_of(root, r).exists() for r in runs) else []
        if not classes or (found and found[0].truth is None):
            continue
        if found:
            matrix = np.sum([_matrix(o, len(classes)) for o in found], axis=0)
            yield _confused(name, matrix, classes, title)
        if found and all(o.confidence is not None for o in found):
            sure = np.concatenate([o.confidence for o in found if o.confidence is not None])
            of = calibration.reliability(sure, np.concatenate([o.each for o in found]))
            yield f"reliability/{name}.png", [v.tolist() for v in vars(of).values()], partial(_reliability, of, title)


def best(records: list[Record]) -> list[list[Record]]:
    """The seeds of the network that is best on validation, of each experiment and data set with images or rows."""
    groups: dict[tuple, dict[str, list[Record]]] = {}
    for r in records:
        if r["status"] == "done" and "members" not in r["choices"]:
            key = (r["experiment"], data_of(r["choices"]))
            groups.setdefault(key, {}).setdefault(r["group"], []).append(r)
    known = [[g for g in of.values() if all("val" in r for r in g)] for of in groups.values()]
    return [max(of, key=lambda g: np.mean([goodness(r, "val") for r in g])) for of in known if of]


def _matrix(o: Outcome, classes: int) -> Array:
    assert o.truth is not None and o.predicted is not None
    return matrices(o.truth[None, :, None], o.predicted[None, :, None], classes)[0]


def _confused(name: str, matrix: Array, classes: list[str], title: str) -> tuple[str, Any, Any]:
    pairs = confused(matrix)
    return f"confusion/{name}.png", [matrix.tolist(), pairs], partial(_confusion, matrix, pairs, classes, title)


def confused(matrix: Array) -> list[tuple[int, int, float]]:
    """(truth, prediction, share of the truth's examples) of the pairs that are mistaken most, of all examples."""
    wrong = matrix * ~np.eye(len(matrix), dtype=bool)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    rows, columns = np.unravel_index(order, matrix.shape)
    total = matrix.sum(1)
    return [(int(i), int(j), float(wrong[i, j] / total[i])) for i, j in zip(rows, columns, strict=True) if wrong[i, j]]


def _confusion(matrix: Array, pairs: list[tuple[int, int, float]], classes: list[str], title: str) -> Any:
    k = len(classes)
    side, letters = min(9.0, 4.5 + 0.1 * k), max(5, 9 - k // 12)
    figure, axes = subplots(1, 2, width=side, height=0.82 * side)
    left, right = axes[0]
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    shown = left.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    left.grid(visible=False)
    if k <= NAMED:
        left.set_xticks(range(k), classes, rotation=90, fontsize=letters, parse_math=False)
        left.set_yticks(range(k), classes, fontsize=letters, parse_math=False)
    left.set(xlabel="prediction", ylabel="truth")
    figure.colorbar(shown, ax=left, label="share of the truth", shrink=0.7)
    pairs = pairs[::-1]
    right.barh(range(len(pairs)), [100 * share for _, _, share in pairs], color=BLUE)
    labels = [f"{classes[i]} taken for {classes[j]}: {matrix[i, j]:,}" for i, j, _ in pairs]
    right.set_yticks(range(len(pairs)), labels, fontsize=7, parse_math=False)
    right.set(xlabel="percent of the first class", title="most confused, by their number")
    if not pairs:
        right.clear()
        right.set_axis_off()
        right.text(0.5, 0.5, "none is taken for another", ha="center", va="center")
    figure.suptitle(title)
    return figure


def _reliability(of: calibration.Reliability, title: str) -> Any:
    figure, axes = subplots(2, 1, width=5, height=2.6, sharex=True, height_ratios=(3, 1))
    upper, lower = axes[:, 0]
    upper.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--", label="as sure as right")
    upper.plot(of.confidence, of.accuracy, color=RED, marker="o", label=f"ECE {of.error:.3f}, {calibration.BINS} bins")
    upper.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    upper.legend()
    lower.bar(of.confidence, of.count / of.count.sum(), width=0.04, color=BLUE)
    lower.set(xlabel="confidence", ylabel="share of examples")
    figure.suptitle(title, fontsize=9)
    return figure
