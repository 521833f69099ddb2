"""What a run said of each example: a short form beside the record, all probabilities in the cache. No Keras."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.files import replacing, write_atomically
from lab.records import store

Array = np.ndarray


def write(root: Path, experiment: str, name: str, splits: dict[str, tuple[Array, Array]]) -> None:
    """`splits` gives labels (N,) and probabilities (N, K) of each split.

    Beside the record, of the test split: labels, predicted classes and their probability, probability of the truth.
    In the cache, of every split: labels and all probabilities, for ensembles and comparisons.
    """
    labels, p = splits["test"]
    buffer = io.BytesIO()
    truth, predicted = p[np.arange(len(labels)), labels].astype("float32"), p.argmax(axis=1).astype("int32")
    confidence = p.max(axis=1).astype("float32")
    np.savez_compressed(buffer, labels=labels.astype("int32"), predicted=predicted, p_true=truth, confidence=confidence)
    write_atomically(store.results(root) / experiment / f"{name}.test.npz", buffer.getvalue())
    for split, (labels, p) in splits.items():
        with replacing(store.cache(root, experiment) / f"{name}.{split}.npz") as partial:
            np.savez(partial, labels=labels.astype("int32"), probabilities=p.astype("float32"))


def write_masks(
    root: Path, experiment: str, name: str, ids: Array, figures: dict[str, Array], predicted: Array
) -> None:
    """Beside the record, of the test split: each image's name and figures. In the cache: the masks (N, H, W) uint8."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{"ids": ids.astype("U"), **figures})  # type: ignore[arg-type]
    write_atomically(store.results(root) / experiment / f"{name}.test.npz", buffer.getvalue())
    with replacing(store.cache(root, experiment) / f"{name}.test.npz") as partial:
        np.savez_compressed(partial, predicted=predicted)


def read(root: Path, record: dict[str, Any], split: str) -> tuple[Array, Array]:
    """Labels (N,) and probabilities (N, K) of a finished run.

    Raises:
        BadInput: they are not on this machine, or not of this record's examples.
    """
    with np.load(store.kept(root, record, f"{split}.npz"), allow_pickle=False) as file:
        labels, p = file["labels"], file["probabilities"]
    about = record["data"]
    if p.shape != (about["splits"][split]["examples"], len(about["classes"])) or len(labels) != len(p):
        raise BadInput(f"the {split} predictions of {record['name']} are not its own; run `{record['command']}` again")
    return labels, p
