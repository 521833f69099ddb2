"""Training images, kept for the report to draw where the data set may be shown. No Keras."""

from pathlib import Path

import numpy as np

from lab.datasets import Dataset
from lab.files import replacing
from lab.inputs.data import Data
from lab.inputs.scaling import pictures
from lab.records import store


def keep(dataset: Dataset, root: Path, data: Data) -> None:
    """Training images for the report to draw, where the data set may be shown: up to 64 classes' first, or 9 masks'."""
    if not dataset.shareable:
        return
    folder = store.cache(root, "examples")
    folder.mkdir(parents=True, exist_ok=True)
    if data.train.has_masks:
        first = np.arange(min(9, len(data.train)))
        kept = {"names": data.train.ids[first], "masks": data.train.labels[first], "palette": np.array(data.palette)}
    elif not data.train.has_classes:
        first = np.arange(min(64, len(data.train)))
        kept = {"names": np.array([" ".join(f"{v:.4g}" for v in row) for row in data.train.labels[first]], dtype="U")}
    else:
        first = np.array([np.flatnonzero(data.train.labels == c)[0] for c in np.unique(data.train.labels)[:64]])
        kept = {"names": np.array([data.classes[c] for c in data.train.labels[first]], dtype="U")}
    with replacing(folder / f"{dataset.name}.npz") as partial:
        np.savez_compressed(partial, images=pictures(data)(data.train.images[first]), **kept)
