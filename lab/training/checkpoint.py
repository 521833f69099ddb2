"""Where a run stands, kept on disk while it trains, so that the same command goes on from there.

Two files beside the weights that a run leaves: `step`, what the network was after the last step of the strategy that
was finished, and `epoch`, how far the step in progress is. Both are arrays and JSON, written whole or not at all.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lab.files import replacing

Array = np.ndarray
Kept = tuple[dict[str, Any], dict[str, list[Array]]]  # what is JSON; lists of arrays by their name
NAMES = ("step", "epoch")


class Checkpoint:
    """The files of one run in a folder. `key` is what must be the same for them to be of any use, JSON-able."""

    def __init__(self, folder: Path, stem: str, key: dict[str, Any]):
        self.folder, self.stem, self.key = folder, stem, json.loads(json.dumps(key))

    def path(self, name: str) -> Path:
        return self.folder / f"{self.stem}.{name}.npz"

    def write(self, name: str, about: dict[str, Any], **arrays: list[Array]) -> None:
        """Replaces a file at once.

        Raises:
            BadInput: it cannot be written; the old one is as it was.
        """
        text = json.dumps({"key": self.key, "about": about}, default=float)
        flat: dict[str, Any] = {f"{kind}.{i}": array for kind, some in arrays.items() for i, array in enumerate(some)}
        with replacing(self.path(name)) as partial, partial.open("wb") as file:
            np.savez(file, about=np.frombuffer(text.encode(), "uint8"), **flat)

    def read(self, name: str) -> Kept | None:
        """What was written; None where there is nothing, or what is there is of another key or damaged."""
        try:
            with self.path(name).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                held = json.loads(file["about"].tobytes())
                if held["key"] != self.key:
                    return None
                arrays: dict[str, list[Array]] = {}
                for entry in file.files[1:]:
                    arrays.setdefault(entry.partition(".")[0], []).append(file[entry])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        return held["about"], arrays

    def remove(self, *names: str) -> None:
        """Removes files; all of them where none is named."""
        for name in names or NAMES:
            self.path(name).unlink(missing_ok=True)
