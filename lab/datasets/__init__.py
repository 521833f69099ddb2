"""Data sets to learn from; one file, one data set or one format."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from lab.data import Data
from lab.errors import BadInput
from lab.names import Named


@dataclass(frozen=True)
class Dataset(Named):
    """Reads or draws a `Data`.

    `size` is the height and width in pixels that its images have, or are read at.
    """

    embedded: ClassVar[bool] = True
    shareable: ClassVar[bool] = True  # False: the report draws no picture of its examples into img/
    version: ClassVar[int] = 1  # raise it when the same arguments would give other data

    @property
    def size(self) -> int:
        return 32

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
