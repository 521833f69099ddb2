"""Data sets to learn from; one file, one data set or one format.

May import `inputs`, `scenery` and the contract of tasks (`lab.task`); may not import records and networks.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lab import names
from lab.errors import BadInput
from lab.inputs.bands import Band
from lab.inputs.data import Data
from lab.names import Named

TABLES = (".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Dataset(Named):
    """Reads or draws a `Data`.

    `size` is the size in pixels that its images have, or are read at: 64 for a square, "240x180" for images
    that are 240 wide and 180 high.
    """

    task = "classification"  # what its labels are for
    is_table: ClassVar[bool] = False  # True: rows of a table, see `lab.datasets._tabular`
    embedded: ClassVar[bool] = True
    shareable: ClassVar[bool] = True  # False: the report draws no picture of its examples into img/
    written: ClassVar[str]  # how it is written, where that is not its name with its arguments
    version: ClassVar[int] = 1  # raise it when the same arguments would give other data

    @property
    def size(self) -> Any:
        """Pixels; None: whatever the run wants."""
        return 32

    def for_task(self, task: str | None) -> "Dataset":
        """The same, or its other half, whose labels are for this task; None: as it is.

        Raises:
            BadInput: its labels are for another one.
        """
        if task not in (None, self.task):
            raise BadInput(f"--task {task} is not what the labels of {self} are for; they are for {self.task}")
        return self

    def aimed(self, target: str | None) -> "Dataset":
        """The same with the column of this name to be predicted; None: as it is.

        Raises:
            BadInput: it has no columns to choose from.
        """
        if target is not None:
            raise BadInput(
                f"--target is for a CSV or Parquet file, of paths or of rows (csv:FILE); {self} is none; leave it out"
            )
        return self

    def columns(self) -> tuple[str, ...]:
        """The names of what its labels say, where a task makes them of words."""
        return ("value",)

    def told(self, size: int | str, group: str | None, skip_corrupt: bool) -> "Dataset":
        """The same, told what the run wants of it.

        Raises:
            BadInput: it has no such choice.
        """
        for flag, given in (("--group", group), ("--skip-corrupt", skip_corrupt)):
            if given:
                raise BadInput(
                    f"{flag} is for image files that the lab deals into splits, not for {self}; leave it out"
                )
        return self

    def bands_of(self, data_dir: str | None) -> tuple[Band, ...]:
        """What the bands of its images are, where that is known; none: they are RGB, or grey.

        Raises:
            BadInput: there is nothing to read, or what it says of them is wrong.
        """
        return ()

    def title(self, data_dir: str | None) -> str:
        """What the table calls it."""
        return str(self)

    def fingerprint(self, data_dir: str | None) -> str:
        """What identifies the files without decoding them; part of a run's digest.

        Raises:
            BadInput: if there is nothing to read.
        """
        if data_dir is not None:
            raise BadInput(f"--data-dir is not for {self.name}, which is embedded; leave it out")
        return f"{self}-v{self.version}"

    def load(self, data_dir: str | None) -> Data:
        """Reads it.

        Raises:
            BadInput: names the file that is wrong.
        """
        raise TypeError(f"{self.name} has no load()")


def opened(text: str, data_dir: str | None) -> tuple[Dataset, str | None]:
    """(the data set, where its data are) of `signs`, `my_photos/`, `labels.csv`, `data.npz`, `tfds:NAME`, `hf:NAME`,
    `csv:FILE`.

    A folder or zip is `coco`, `mmseg` or `masks` where it has their files, else `folder`.

    Raises:
        BadInput: there is no such data set or path.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind in ("tfds", "tfds_masks", "hf"):
        return _made(kind, of=rest), data_dir
    if colon and kind == "csv":
        if data_dir is not None:
            raise BadInput(f"--dataset {text} says where the table is; leave out --data-dir {data_dir}")
        return _made("csv"), rest
    path = Path(text).expanduser()
    if names.is_known("datasets", text.partition("(")[0].strip()):
        return names.build("datasets", text), data_dir
    if not path.exists():
        if "/" in text or path.suffix:
            raise BadInput(
                f"--dataset {text}: no such folder or file; `python -m lab.datasets` lists those with a name"
            )
        return names.build("datasets", text), data_dir
    if path.suffix.lower() in TABLES:
        return _made("table", images=data_dir), text
    if data_dir is not None:
        raise BadInput(f"--dataset {text} says where the data are; leave out --data-dir {data_dir}")
    if path.suffix.lower() == ".npz":
        return _made("arrays"), text
    from lab.datasets._layouts import layout_of

    return _made(layout_of(path)), text


def _made(name: str, **arguments: Any) -> Any:
    return names.find("datasets", name)(**arguments)


def stratified(labels, fractions: tuple[float, ...], seed: int):
    """Indices of a split that keeps class proportions: one array for each fraction, which sum to 1."""
    import numpy as np

    rng = np.random.default_rng(seed)
    parts: list[list] = [[] for _ in fractions]
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        bounds = np.round(np.cumsum((0.0, *fractions)) * len(members)).astype(int)
        for part, low, high in zip(parts, bounds[:-1], bounds[1:], strict=True):
            part.append(members[low:high])
    return [np.sort(np.concatenate(p)) for p in parts]


def digest_of(words: list[str]) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
