"""A data set as a table of its examples, whatever it is stored as: what eda, verify, audit and show work on."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from lab.errors import BadInput
from lab.inputs.bands import Band
from lab.inputs.data import Data
from lab.progress import over

RANGES = 5  # that numbers are shown by
SIZE = 224  # pixels at which own images are shown and compared


@dataclass(frozen=True)
class Examined:
    """The examples of a data set.

    Attributes:
        title: what the data set is called.
        table: a row an example: id, split, label (of a mask, a digest), group, and what
            `lab.inputs.entry.Entry` says.
        picture: the image (H, W, C) uint8 of a row's number.
        broken: files that cannot be read, each with the reason.
        classes: in the order of their numbers.
        mask: the labels (H, W) uint8 of a row's number; None where an example has one label.
        pixels: how many of each class each mask has, (N, K).
        palette: for masks, the colour of each class.
        wrong: masks with labels of no class, each with the reason.
        bands: what the bands are, where that is described; the table's means are then of stored values.
        stored: the image (H, W, bands) of a row's number as it is stored, where bands are described.
    """

    title: str
    table: pd.DataFrame
    picture: Callable[[int], np.ndarray]
    broken: dict[str, str]
    classes: tuple[str, ...]
    mask: Callable[[int], np.ndarray] | None = None
    pixels: np.ndarray = field(default_factory=lambda: np.empty((0, 0), "int64"))
    palette: tuple[tuple[int, int, int], ...] = ()
    wrong: dict[str, str] = field(default_factory=dict)
    bands: tuple[Band, ...] = ()
    stored: Callable[[int], np.ndarray] | None = None

    @property
    def of_one_class(self) -> np.ndarray:
        """Rows (M,) of the masks that hold a single class, or none."""
        return np.flatnonzero((self.pixels > 0).sum(axis=1) < 2)


def examined(dataset: Any, where: str | None, group: str | None) -> Examined:
    """A data set as a table of its examples; its unreadable files are left out and listed.

    Raises:
        BadInput: it cannot be read at all, or it is a table.
    """
    if dataset.is_table:
        raise BadInput(
            f"{dataset.title(where)} is a table of rows, without images; `python -m lab.data eda` describes its columns"
        )
    told: Any = dataset.told(dataset.size or SIZE, group, False)
    title = dataset.title(where)
    return _files(told, where, title) if hasattr(told, "survey") else _arrays(told.load(where), title)


def _files(dataset: Any, where: str | None, title: str) -> Examined:
    from lab.datasets._own import groups_of

    found = dataset.survey(where)
    whole, meaning = dataset.whole(found)
    classes = meaning.get("classes", ())
    splits = np.empty(len(whole), object)
    for split, indices in dataset.parts(found).items():
        splits[indices] = split
    table = pd.DataFrame([found.entries[e.name].row() for e in found.examples])
    table.insert(0, "id", whole.ids)
    table.insert(1, "split", splits)
    if whole.has_numbers:
        labels, classes = ranges(whole.labels)
    else:
        labels = [e.label for e in found.examples]
    table.insert(2, "label", labels)
    table.insert(3, "group", groups_of(found, dataset.group))
    shown = Examined(title, table, lambda i: whole.images[np.array([i])][0], found.broken, classes)
    shown = _of_bands(shown, found.files.bands)
    if not whole.has_masks:
        return shown
    from lab.datasets._masked import outside

    table["label"] = [found.masks[e.label].sha256[:12] for e in found.examples]
    return replace(
        shown, mask=lambda i: whole.labels[np.array([i])][0], pixels=whole.pixels, palette=dataset.palette(found),
        wrong=outside(found),
    )  # fmt: skip


def _arrays(data: Data, title: str) -> Examined:
    from PIL import Image

    from lab.inputs.entry import entry
    from lab.inputs.rasters import entry_of

    rows: list[dict[str, Any]] = []
    places, counts = [], []
    classes = data.classes
    if data.numbers:
        named, classes = ranges(np.concatenate([s.labels for s in data.splits().values()]))
    with over(f"reading {title}", sum(map(len, data.splits().values()))) as advance:
        for name, split in data.splits().items():
            for i in range(len(split)):
                image, label = split.images[np.array([i])][0], split.labels[np.array([i])][0]
                found = (
                    entry_of(image, data.bands, _sha256(image))
                    if data.bands
                    else entry(Image.fromarray(image.squeeze()), _sha256(image))
                )
                if data.numbers:
                    called = named[len(rows)]
                else:
                    called = _sha256(label)[:12] if split.has_masks else data.classes[label]
                about = {"id": str(split.ids[i]), "split": name, "label": called, "group": ""}
                rows.append(about | found.row())
                places.append((split, i))
                if split.has_masks:
                    counts.append(np.bincount(label.ravel(), minlength=256)[: len(data.classes)])
                advance(1)

    def picture(row: int) -> np.ndarray:
        split, i = places[row]
        return split.images[np.array([i])][0]

    def mask(row: int) -> np.ndarray:
        split, i = places[row]
        return split.labels[np.array([i])][0]

    shown = _of_bands(Examined(title, pd.DataFrame(rows), picture, data.left_out, classes), data.bands)
    return replace(shown, mask=mask, pixels=np.stack(counts), palette=data.palette) if counts else shown


def ranges(labels: np.ndarray) -> tuple[list[str], tuple[str, ...]]:
    """(the range that each example's first number (N, P) lies in, all ranges): five, as wide as each other."""
    values = labels[:, 0]
    edges = np.linspace(values.min(), values.max(), RANGES + 1)
    names = tuple(f"{a:.4g} to {b:.4g}" for a, b in pairwise(edges))
    return [names[i] for i in np.searchsorted(edges[1:-1], values, side="right")], names


def _of_bands(found: Examined, bands: tuple[Band, ...]) -> Examined:
    """The same; where bands are described, its pictures are of the colours among them."""
    if not bands:
        return found
    from lab.inputs.rasters import seen

    return replace(found, bands=bands, stored=found.picture, picture=lambda i: seen(found.picture(i), bands))


def _sha256(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()
