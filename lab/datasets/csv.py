import difflib
import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lab.datasets import digest_of
from lab.datasets._own import for_words
from lab.datasets._tabular import Tabular
from lab.errors import BadInput
from lab.inputs.columns import ENDINGS, MOST, learnt, numbers, read
from lab.inputs.data import Data, Split, parted, printable
from lab.inputs.splitting import dealt, split_called, strata
from lab.task import kind

Array = np.ndarray


@dataclass(frozen=True)
class Csv(Tabular):
    """Your own table of numbers and words, CSV or Parquet; `--target` names the column that is predicted.

    `--dataset csv:FILE` is short for it. Columns of numbers are standardised, of words become a column of 0 and 1 for
    each word, both from the training rows alone (see `lab.inputs.columns`). Left out are ids, columns of more than 50
    words and those with one value. A column `split` (train, val, test) is kept to where it is; else 70 %, 15 % and
    15 % of each class. The target is a class, or with `--task regression` a number; several
    have commas between them.
    """

    embedded = False
    written = "csv:FILE"

    target: str | None = None
    task: str = "classification"  # or another whose labels can be words
    categories: tuple[str, ...] = ()  # columns of numbers that stand for words, as ('zip',)

    def for_task(self, task):
        return for_words(self, task) or super().for_task(task)

    def aimed(self, target):
        return self if target is None else replace(self, target=target)

    def title(self, data_dir):
        return Path(data_dir).name if data_dir else self.name

    def fingerprint(self, data_dir):
        with self._file(data_dir).open("rb") as file:
            return digest_of([f"v{self.version}", hashlib.file_digest(file, "sha256").hexdigest()])[:32]

    def load(self, data_dir):
        file = self._file(data_dir)
        return _loaded(self, file, file.stat().st_mtime_ns)

    def _file(self, data_dir: str | None) -> Path:
        file = Path(data_dir or "").expanduser()
        if not data_dir or not file.is_file():
            raise BadInput(f"no such table: {data_dir}; write --dataset csv:FILE, a {', '.join(ENDINGS)} file")
        return file


@lru_cache(1)  # a run asks for the bands before it asks for the rows
def _loaded(dataset: Csv, file: Path, changed: int) -> Data:
    frame = read(file)
    targets = _targets(file, frame, dataset.target)
    for name in dataset.categories:
        _known(file, frame, name, "categories")
    labels, meaning = _labels(dataset, file, frame[targets])
    given = _splits(file, frame["split"]) if "split" in frame and "split" not in targets else [None] * len(frame)
    parts = dealt(strata(labels), np.arange(len(labels)), given, file.name)
    table, left_out = learnt(
        ", ".join(targets),
        frame.iloc[parts["train"]],
        (*targets, "split"),
        dataset.categories,
        f"training of {file.name}",
    )
    ids = np.array([f"line {i + 2}" for i in range(len(frame))])
    whole = Split(table.encoded(frame, file.name), labels, ids)
    words = "; ".join(f"{name} ({why})" for name, why in left_out.items())
    source = file.name + (f"; left out: {words}" if words else "")
    return parted(whole, parts, **meaning, bands=table.bands, table=table, source=source)


def _known(file: Path, frame: Any, name: str | None, flag: str) -> str:
    """The name, if there is such a column.

    Raises:
        BadInput: lists those that there are.
    """
    there = ", ".join(frame.columns)
    if name is None:
        raise BadInput(f"{file.name} has the columns {there}; give the one that is to be predicted: {flag} NAME")
    if name not in frame:
        lower = {c.lower(): c for c in frame.columns}
        near = difflib.get_close_matches(name.lower(), lower, 1)
        hint = f"did you mean {lower[near[0]]}? " if near else ""
        raise BadInput(f"{flag} {name!r}: {file.name} has no such column; {hint}it has {there}")
    return name


def _targets(file: Path, frame: Any, text: str | None) -> list[str]:
    """The columns that are predicted: one, or several with commas between them."""
    if text is None or text in frame:
        return [_known(file, frame, text, "--target")]
    return [_known(file, frame, name.strip(), "--target") for name in text.split(",")]


def _labels(dataset: Csv, file: Path, words: Any) -> tuple[Array, dict[str, Any]]:
    """(the labels (N, ...) that the task makes of the target columns, what else a `Data` says of them).

    Raises:
        BadInput: rows have none, or they are no labels of the task.
    """
    for name in words:
        _refuse_empty(file, words[name])
    if dataset.task != "classification" or len(words.columns) > 1:
        return kind(dataset.task).labelled(words.to_numpy(object).tolist(), list(words), file.name)
    classes, labels = _classes(file, words.iloc[:, 0])
    return labels, {"classes": classes}


def _refuse_empty(file: Path, words: Any) -> None:
    if (empty := np.flatnonzero(words.to_numpy() == "")).size:
        raise BadInput(
            f"{file.name}: {empty.size:,} rows have no {words.name}, the first in line {empty[0] + 2}; remove them, or "
            "fill them in"
        )


def _classes(file: Path, words: Any) -> tuple[tuple[str, ...], Array]:
    """(the classes of a target, sorted; the label (N,) of each row).

    Raises:
        BadInput: it is a quantity.
    """
    values, wrong = numbers(words)
    held = sorted(set(words), key=str if wrong.any() or np.isnan(values).any() else float)
    if not wrong.any() and len(held) > MOST:
        raise BadInput(
            f"--target {words.name} has {len(held):,} different numbers; a target has up to {MOST}, each a class; "
            "to predict the number itself: --task regression"
        )
    number = {printable(word, file.name): i for i, word in enumerate(held)}
    return tuple(held), words.map(number).to_numpy("int64")


def _splits(file: Path, words: Any) -> list[str | None]:
    """The split that each row says it is in.

    Raises:
        BadInput: names the line that says something else.
    """
    found = [split_called(word) for word in words]
    if None in found:
        first = found.index(None)
        raise BadInput(
            f"{file.name} line {first + 2} has the split {words.iloc[first]!r}; there are train, val and test"
        )
    return found
