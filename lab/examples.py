"""Training images, kept for the report to draw where the data set may be shown. No Keras."""

from pathlib import Path

import numpy as np

from lab import store
from lab.data import Data
from lab.scaling import pictures
from lab.spec import Resolved


def keep(resolved: Resolved, root: Path, data: Data) -> None:
    """Training images for the report to draw, where the data set may be shown: up to 64 classes' first, or 9 masks'."""
    if not resolved.dataset.shareable:
        return
    folder = store.cache(root, "examples")
    folder.mkdir(parents=True, exist_ok=True)
    if data.train.has_masks:
        first = np.arange(min(9, len(data.train)))
        kept = {"names": data.train.ids[first], "masks": data.train.labels[first], "palette": np.array(data.palette)}
    else:
        first = np.array([np.flatnonzero(data.train.labels == c)[0] for c in np.unique(data.train.labels)[:64]])
        kept = {"names": np.array([data.classes[c] for c in data.train.labels[first]], dtype="U")}
    with store.replacing(folder / f"{resolved.dataset.name}.npz") as partial:
        np.savez_compressed(partial, images=pictures(data)(data.train.images[first]), **kept)
