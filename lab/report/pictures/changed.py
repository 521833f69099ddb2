"""A gallery of the test examples that one contestant fixed and broke against another."""

from pathlib import Path
from typing import Any

import numpy as np

from lab.comparison import changed_examples
from lab.comparison.verdict import Pair, Verdict
from lab.drawing import picture, save, short, subplots
from lab.errors import BadInput
from lab.inputs.data import Data
from lab.inputs.scaling import pictures
from lab.metrics.outcome import Outcome
from lab.records import store
from lab.report.pictures.gallery import coloured, colours

SHOWN = 8  # of each kind
Array = np.ndarray


def draw(root: Path, v: Verdict, pair: Pair, data: Data, path: Path) -> None:
    """A row for each example whose label is a mask; of others, rows of eight.

    Raises:
        BadInput: the masks that the runs predicted are not on this machine, or the examples are rows of a table.
    """
    if data.table:
        raise BadInput("rows of a table have no pictures; --list FILE.csv lists those that changed")
    of = changed_examples.both(root, v, pair)
    fixed, broken = changed_examples.order(of)
    some, first = [fixed[:SHOWN], broken[:SHOWN]], [outcomes[0] for outcomes in of]
    figure = _of_masks(root, v, pair, data, some, first) if data.test.has_masks else _of_images(pair, data, some, first)
    figure.suptitle(
        f"{pair.better} against {pair.worse}: {len(fixed):,} test examples better, {len(broken):,} worse (mean over "
        f"seeds); those that changed most, of seed {pair.difference.seeds[0]}", fontsize=9, parse_math=False,
    )  # fmt: skip
    save(figure, path)


def _of_images(pair: Pair, data: Data, some: list[Array], both: list[Outcome]) -> Any:
    figure, axes = subplots(2, SHOWN, width=1.7, height=2.4)
    look = pictures(data)
    for row, what, chosen in zip(axes, ("fixed", "broken"), some, strict=True):
        for axis in row:
            axis.set_axis_off()
        for axis, i in zip(row, chosen, strict=False):
            picture(axis, look(np.asarray(data.test.images[np.array([i])]))[0])
            said = [_said(o, i, data) for o in both]
            lines = [_true(data, i), f"{short(pair.better, 14)}: {said[0]}", f"{short(pair.worse, 14)}: {said[1]}"]
            axis.set_title("\n".join(short(line, 26) for line in lines), fontsize=6, parse_math=False)
        row[0].text(-0.1, 0.5, what, transform=row[0].transAxes, rotation=90, va="center", ha="right", fontsize=9)
    return figure


def _true(data: Data, i: int) -> str:
    label = data.test.labels[i]
    return ", ".join(f"{v:.4g}" for v in label) if data.numbers else data.classes[label]


def _said(outcome: Outcome, i: int, data: Data) -> str:
    """What a run says of a test example: its class, or how far its numbers are off."""
    return f"off by {abs(outcome.each[i]):.3g}" if outcome.predicted is None else data.classes[outcome.predicted[i]]


def _of_masks(root: Path, v: Verdict, pair: Pair, data: Data, some: list[Array], both: list[Outcome]) -> Any:
    seed, shown = pair.difference.seeds[0], [("fixed", i) for i in some[0][:4]] + [("broken", i) for i in some[1][:4]]
    predicted = [_masks(root, v.contest.runs[name][seed]) for name in (pair.better, pair.worse)]
    height, width = data.test.labels.shape[1:]
    figure, axes = subplots(max(1, len(shown)), 4, width=2.6, height=2.6 * height / width + 0.3)
    look, palette = pictures(data), colours(np.array(data.palette, "uint8").reshape(-1, 3), len(data.classes))
    for axis in axes.flat:
        axis.set_axis_off()
    for row, (what, i) in zip(axes, shown, strict=False):
        one = np.array([i])
        scores = [f"{short(n, 14)}: {o.each[i]:.3f}" for n, o in zip((pair.better, pair.worse), both, strict=True)]
        picture(row[0], look(np.asarray(data.test.images[one]))[0])
        for axis, mask in zip(row[1:], [np.asarray(data.test.labels[one])[0], *(p[i] for p in predicted)], strict=True):
            axis.imshow(coloured(mask, palette))
        for axis, text in zip(row, (f"{what}: {str(data.test.ids[i])[-30:]}", "truth", *scores), strict=True):
            axis.set_title(text, fontsize=7, parse_math=False)
    return figure


def _masks(root: Path, record: dict[str, Any]) -> Array:
    with np.load(store.kept(root, record, "test.npz"), allow_pickle=False) as file:
        return file["predicted"]
