"""Features of a frozen backbone, computed once in inference mode and kept on disk.

The key is made of everything that the numbers depend on: the images' content, their size, the
bytes of every weight before the cut, and the precision. A name is never the key.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lab.files import replacing
from lab.inputs.data import Split, eval_batches
from lab.inputs.reading import ahead

Array = np.ndarray


def weights_digest(arrays: list[Array]) -> str:
    """SHA-256 of arrays, their shapes included."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(str((array.shape, array.dtype.str)).encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def computed(split: Split, batch_size: int, compute: Callable[[Array], Array]) -> Array:
    """What `compute` gives for all images of a split, in order: images (B, H, W, C) as read become (B, ...)."""
    takes = list(eval_batches(len(split), batch_size))
    read = ahead(split.images, [take for take, _ in takes])
    return np.concatenate([compute(x)[:real] for (_, real), x in zip(takes, read, strict=True)])


def cached(
    folder: Path, key: dict, split: Split, batch_size: int, compute: Callable[[Array], Array]
) -> tuple[Array, bool]:
    """(features of all images of a split, in order; whether they were computed before and only read from `folder`).

    `compute` takes images (B, H, W, C) uint8 and gives features (B, ...).
    """
    digest = hashlib.sha256(repr(sorted({**key, "split": split.digest}.items())).encode()).hexdigest()
    path = folder / f"{digest}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False), True
    features = computed(split, batch_size, compute)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        np.save(partial, features)
    return features, False
