import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.datasets import digest_of
from lab.datasets._catalogue import Catalogued
from lab.datasets.table import LABELS
from lab.environment import pip_install
from lab.errors import BadInput
from lab.inputs.data import Split, hw, in_order, parted
from lab.inputs.decoding import Unreadable, fitted, rgb
from lab.inputs.splitting import dealt, split_called


@dataclass(frozen=True)
class Hf(Catalogued):
    """A data set of the Hugging Face hub, as `--dataset hf:beans`, or a folder of save_to_disk.

    Images are read when they are asked for. Needs the extra `hf`.
    """

    written = "hf:NAME"

    def __str__(self) -> str:
        if not self.of:
            return super().__str__()
        return f"hf:{Path(self.of).name if Path(self.of).is_dir() else self.of}"

    def fingerprint(self, data_dir):
        splits = self._splits(data_dir)
        return digest_of([f"v{self.version}", *(f"{n} {s._fingerprint} {len(s)}" for n, s in splits.items())])[:32]

    def load(self, data_dir):
        from lab.inputs.reading import OnDemand

        assert self.px is not None
        px, size, splits = self.px, hw(self.px), self._splits(data_dir)
        rows = [(s, i) for s, part in splits.items() for i in range(len(part))]
        first = next(iter(splits.values()))
        image, label = self._columns(first)
        raw = [v for part in splits.values() for v in part[label]]
        named = getattr(first.features[label], "names", None)
        classes = [str(n) for n in named] if named else in_order({str(v) for v in raw})
        labels = np.array([v if named else classes.index(str(v)) for v in raw], "int64")

        def read(i: int) -> np.ndarray:
            split, row = rows[i]
            try:
                return fitted(rgb(splits[split][row][image], max(size)), size)
            except Unreadable as error:
                raise BadInput(f"{self}: image {row} of {split} {error}") from None

        given = [split_called(s) if len(splits) > 1 else None for s, _ in rows]
        kept = np.array([i for i, g in enumerate(given) if g or len(splits) == 1])
        parts = dealt(labels[kept], np.arange(len(kept)), [given[i] for i in kept], str(self))
        ids = np.array([f"{s}/{i}" for s, i in rows])
        content = np.array([f"{splits[s]._fingerprint} {i} {px}" for s, i in rows])
        whole = Split(OnDemand(read, (*size, 3), kept), labels[kept], ids[kept], content[kept])
        return parted(whole, parts, classes=tuple(classes), source=f"Hugging Face datasets, {self.of}")

    def _splits(self, data_dir: str | None) -> dict[str, Any]:
        """Its splits by their names.

        Raises:
            BadInput: the library is not installed, or the data set cannot be had.
        """
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        try:
            import datasets
        except ImportError:
            raise BadInput(f"{self} needs the library datasets: `{pip_install('datasets')}`") from None
        try:
            if Path(self.of).is_dir():
                found = datasets.load_from_disk(self.of)
            else:
                found = datasets.load_dataset(self.of, cache_dir=data_dir)
        except Exception as error:
            raise BadInput(f"{self} cannot be read or fetched: {' '.join(str(error).split())[:200]}") from None
        return dict(found) if isinstance(found, dict) else {"train": found}

    def _columns(self, split: Any) -> tuple[str, str]:
        """Names of the columns of images and of labels.

        Raises:
            BadInput: there are none.
        """
        from datasets import ClassLabel, Image

        images = [n for n, f in split.features.items() if isinstance(f, Image)]
        labels = [n for n, f in split.features.items() if isinstance(f, ClassLabel)]
        labels = labels or [n for n in split.features if n.lower() in LABELS]
        if not images or not labels:
            raise BadInput(f"{self} has the columns {', '.join(split.features)}; it takes an image and a label")
        return images[0], labels[0]
