"""What a run said of each example: a short form beside the record, all answers in the cache. No Keras."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.files import replacing, write_atomically
from lab.records import store
from lab.records.artifacts import path_of
from lab.task import Left, of_record

Array = np.ndarray


def write(root: Path, experiment: str, name: str, left: Left) -> None:
    """Writes what a run leaves: beside the record, in the cache, and what the report draws."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **left.beside)  # type: ignore[arg-type]
    write_atomically(store.results(root) / experiment / f"{name}.test.npz", buffer.getvalue())
    for split, arrays in left.cached.items():
        with replacing(store.cache(root, experiment) / f"{name}.{split}.npz") as partial:
            _save(partial, arrays, left.compressed)
    for what, kept in left.pictures.items():
        kept.write(path_of(root, experiment, name, what))


def _save(path: Path, arrays: Mapping[str, Array | list[Array]], compressed: bool) -> None:
    """As `np.savez`, which would put the parts of an array together first."""
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, given in arrays.items():
            parts = given if isinstance(given, list) else [given]
            shape = (sum(map(len, parts)), *parts[0].shape[1:])
            about = {"descr": np.lib.format.dtype_to_descr(parts[0].dtype), "fortran_order": False, "shape": shape}
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(file, about)
                for part in parts:
                    file.write(np.ascontiguousarray(part).data)


def read(root: Path, record: dict[str, Any], split: str) -> tuple[Array, Array]:
    """Labels (N, ...) and answers (N, outputs) of a finished run whose task keeps them all.

    Raises:
        BadInput: they are not on this machine, or not of this record's examples.
    """
    task = of_record(record)
    with np.load(store.kept(root, record, f"{split}.npz"), allow_pickle=False) as file:
        labels, answers = file["labels"], file[task.answers]
    if answers.shape != (record["data"]["splits"][split]["examples"], task.outputs) or len(labels) != len(answers):
        raise BadInput(f"the {split} predictions of {record['name']} are not its own; run `{record['command']}` again")
    return labels, answers
