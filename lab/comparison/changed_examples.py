"""What one contestant has right on the test examples that another has not, example by example. No Keras."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lab.comparison.verdict import Pair, Verdict
from lab.files import write_atomically
from lab.metrics.outcome import Outcome
from lab.records import outcomes

Array = np.ndarray
Both = list[list[Outcome]]  # of the better, and of the worse, by the seeds that both have


def both(root: Path, v: Verdict, pair: Pair) -> Both:
    """What the two did on the test examples."""
    runs = [[v.contest.runs[name][s] for s in pair.difference.seeds] for name in (pair.better, pair.worse)]
    _, found = outcomes.read(root, [*runs[0], *runs[1]])
    return [found[: len(runs[0])], found[len(runs[0]) :]]


def change(of: Both) -> Array:
    """(N,) by how much the better one's score of each example is above the other's, mean over seeds; NaN: none."""
    return np.mean([better.each - worse.each for better, worse in zip(*of, strict=True)], 0)


def order(of: Both) -> tuple[Array, Array]:
    """(examples that the better one fixed, those that it broke), those first that changed most."""
    by = change(of)
    ranked = np.argsort(-np.nan_to_num(by), kind="stable")
    return ranked[by[ranked] > 0], ranked[::-1][by[ranked[::-1]] < 0]


def write(root: Path, v: Verdict, pair: Pair, path: Path) -> int:
    """A CSV with a row for each example that changed; returns how many.

    Raises:
        BadInput: it cannot be written.
    """
    text, rows = io.StringIO(), list(_rows(v, pair, both(root, v, pair)))
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_atomically(path, text.getvalue())
    return len(rows)


def _rows(v: Verdict, pair: Pair, of: Both) -> Iterator[dict[str, Any]]:
    by, first = change(of), of[0][0]
    classes = next(iter(v.contest.runs[pair.better].values()))["data"]["classes"]
    for what, some in zip(("fixed", "broken"), order(of), strict=True):
        for i in some:
            row: dict[str, Any] = {"example": int(i), "what": what, "change": f"{by[i]:+.3f}"}
            if first.ids is not None:
                row["name"] = str(first.ids[i])
            if first.truth is not None:
                row["truth"] = classes[first.truth[i]]
            for name, runs in zip((pair.better, pair.worse), of, strict=True):
                row[name] = "; ".join(_said(o, i, classes) for o in runs)
            yield row


def _said(outcome: Outcome, i: int, classes: list[str]) -> str:
    """A run's answer for an example: the class, or the score of its mask."""
    return f"{outcome.each[i]:.3f}" if outcome.predicted is None else str(classes[outcome.predicted[i]])
