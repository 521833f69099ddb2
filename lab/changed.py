"""What one contestant has right on the test examples that another has not, example by example. No Keras."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lab import store
from lab.verdict import Pair, Verdict

Array = np.ndarray


def change(v: Verdict, pair: Pair) -> Array:
    """(N,) by how much the better one's score of each example is above the other's, mean over seeds; NaN: none."""
    return np.mean([v.outcomes[pair.better][s].each - v.outcomes[pair.worse][s].each for s in pair.difference.seeds], 0)


def order(v: Verdict, pair: Pair) -> tuple[Array, Array]:
    """(examples that the better one fixed, those that it broke), those first that changed most."""
    by = change(v, pair)
    ranked = np.argsort(-np.nan_to_num(by), kind="stable")
    return ranked[by[ranked] > 0], ranked[::-1][by[ranked[::-1]] < 0]


def write(v: Verdict, pair: Pair, path: Path) -> int:
    """A CSV with a row for each example that changed; returns how many.

    Raises:
        BadInput: it cannot be written.
    """
    text, rows = io.StringIO(), list(_rows(v, pair))
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    store.write_atomically(path, text.getvalue())
    return len(rows)


def _rows(v: Verdict, pair: Pair) -> Iterator[dict[str, Any]]:
    by, seeds = change(v, pair), pair.difference.seeds
    classes = next(iter(v.contest.runs[pair.better].values()))["data"]["classes"]
    first = v.outcomes[pair.better][seeds[0]]
    for what, some in zip(("fixed", "broken"), order(v, pair), strict=True):
        for i in some:
            row: dict[str, Any] = {"example": int(i), "what": what, "change": f"{by[i]:+.3f}"}
            if first.ids is not None:
                row["name"] = str(first.ids[i])
            if first.truth is not None:
                row["truth"] = classes[first.truth[i]]
            for name in (pair.better, pair.worse):
                row[name] = "; ".join(_said(v.outcomes[name][s], i, classes) for s in seeds)
            yield row


def _said(outcome: Any, i: int, classes: list[str]) -> str:
    """A run's answer for an example: the class, or the score of its mask."""
    return f"{outcome.each[i]:.3f}" if outcome.predicted is None else str(classes[outcome.predicted[i]])
