"""Arrays that a run leaves for the report to draw: a dataclass, a file. No Keras."""

from pathlib import Path
from typing import Self

import numpy as np

from lab.files import replacing


class Kept:
    """A dataclass of arrays that is written to a file and read again, and runs no code from it."""

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            np.savez_compressed(partial, **vars(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as file:
            return cls(**{name: file[name] for name in file.files})
