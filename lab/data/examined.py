"""A data set as a table of its examples, whatever it is stored as: what eda, verify, audit and show work on."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.data import Data
from lab.datasets import opened
from lab.progress import over

SIZE = 224  # pixels at which own images are shown and compared


@dataclass(frozen=True)
class Examined:
    """The examples of a data set.

    Attributes:
        title: what the data set is called.
        table: a row an example: id, split, label, group, and what `lab.datasets._index.Entry` says.
        picture: the image (H, W, C) uint8 of a row's number.
        broken: files that cannot be read, each with the reason.
        classes: in the order of their numbers.
    """

    title: str
    table: pd.DataFrame
    picture: Callable[[int], np.ndarray]
    broken: dict[str, str]
    classes: tuple[str, ...]


def examined(text: str, data_dir: str | None, group: str | None) -> Examined:
    """The data set that a command names; its unreadable files are left out and listed.

    Raises:
        BadInput: there is no such data set, or it cannot be read at all.
    """
    dataset, where = opened(text, data_dir)
    told: Any = dataset.told(SIZE, group, False)
    title = dataset.title(where)
    return _files(told, where, title) if hasattr(told, "survey") else _arrays(told.load(where), title)


def _files(dataset: Any, where: str | None, title: str) -> Examined:
    from lab.datasets._own import groups_of

    found = dataset.survey(where)
    whole, classes = dataset.whole(found)
    splits = np.empty(len(whole), object)
    for split, indices in dataset.parts(found).items():
        splits[indices] = split
    table = pd.DataFrame([found.entries[e.name]._asdict() for e in found.examples])
    table.insert(0, "id", whole.ids)
    table.insert(1, "split", splits)
    table.insert(2, "label", [e.label for e in found.examples])
    table.insert(3, "group", groups_of(found, dataset.group))
    return Examined(title, table, lambda i: whole.images[np.array([i])][0], found.broken, classes)


def _arrays(data: Data, title: str) -> Examined:
    from PIL import Image

    from lab.datasets._index import entry

    rows, places = [], []
    with over(f"reading {title}", sum(map(len, data.splits().values()))) as advance:
        for name, split in data.splits().items():
            for i in range(len(split)):
                image = split.images[np.array([i])][0]
                found = entry(Image.fromarray(image.squeeze()), hashlib.sha256(image.tobytes()).hexdigest())
                about = {"id": str(split.ids[i]), "split": name, "label": data.classes[split.labels[i]], "group": ""}
                rows.append(about | found._asdict())
                places.append((split, i))
                advance(1)

    def picture(row: int) -> np.ndarray:
        split, i = places[row]
        return split.images[np.array([i])][0]

    return Examined(title, pd.DataFrame(rows), picture, data.left_out, data.classes)
