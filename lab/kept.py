"""What a run leaves in the cache for the report to draw: dataclasses of arrays, a file each. No Keras."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from lab import store


class Kept:
    """A dataclass of arrays that is written to a file and read again, and runs no code from it."""

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with store.replacing(path) as partial:
            np.savez_compressed(partial, **vars(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as file:
            return cls(**{name: file[name] for name in file.files})


def path_of(root: Path, experiment: str, name: str, what: str) -> Path:
    """Where a run leaves what is called so."""
    return store.cache(root, experiment) / f"{name}.{what}.npz"


def to_draw(root: Path, records: list[dict[str, Any]], what: str) -> Iterator[tuple[dict, Path, Path]]:
    """(record, what it kept, the folder for its pictures) of finished runs that kept something.

    The folder is beside the experiment's records; where the data may not be shown to others, the cache.
    """
    for r in records:
        kept = path_of(root, r["experiment"], r["name"], what)
        if r["status"] == "done" and kept.exists():
            beside = store.results(root) / r["experiment"] / "img"
            yield r, kept, beside if r["data"].get("shareable") else kept.parent
