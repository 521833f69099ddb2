import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.datasets import Dataset, digest_of
from lab.errors import BadInput
from lab.inputs import npy
from lab.inputs.data import Data, Split, parted
from lab.inputs.decoding import first_line
from lab.inputs.folders import DAMAGED
from lab.inputs.splitting import dealt, split_called

Array = np.ndarray
MOST = 100_000  # classes
IMAGES, LABELS = ("x", "image", "images", "data", "arr_0"), ("y", "label", "labels", "target", "targets", "arr_1")


@dataclass(frozen=True)
class Arrays(Dataset):
    """Your own arrays in an `.npz` file: x_train, y_train, x_test, ... (as Keras' and MedMNIST's), or x and y.

    `--dataset data.npz` is short for it. Images (N, H, W), (N, H, W, C) or (N, C, H, W): whole numbers of 8 or 16
    bits, or numbers from 0 to 1. Labels: whole numbers or words (N,), (N, 1), or one-hot (N, K); `classes` may name
    them.
    """

    embedded = False
    shareable = False

    @property
    def size(self):
        return None

    def title(self, data_dir):
        return Path(data_dir).name if data_dir else self.name

    def fingerprint(self, data_dir):
        data = self.load(data_dir)
        return digest_of([f"v{self.version}", data.digest])[:32]

    def load(self, data_dir):
        path = Path(data_dir or "").expanduser()
        if not data_dir or not path.is_file():
            raise BadInput(f"no such file of arrays: {data_dir}; give an .npz file with x_train, y_train, ...")
        try:
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    with archive.open(info) as stream:
                        npy.look(stream, info.file_size)
            with np.load(path, allow_pickle=False) as file:
                held = {name: file[name] for name in file.files}
        except (*DAMAGED, ValueError, TypeError, SyntaxError) as error:
            raise BadInput(f"{path.name} is not an .npz file of arrays: {first_line(error)}") from None
        return made(held, path.name)


def made(held: dict[str, Array], what: str) -> Data:
    """The data set that named arrays make.

    Raises:
        BadInput: names the array that is missing or does not fit.
    """
    classes = held.pop("classes", held.pop("class_names", None))
    parts: dict[str | None, dict[str, str]] = {}
    for name in held:
        word, split = _meaning(name)
        if word:
            parts.setdefault(split, {})[word] = name
    if not parts:
        raise BadInput(f"{what} has the arrays {', '.join(held) or 'none'}; it needs x_train and y_train, or x and y")
    images, labels, given = [], [], []
    for split, pair in parts.items():
        if len(pair) < 2:
            there = next(iter(pair.values()))
            raise BadInput(f"{what} has {there} without its {'labels' if 'images' in pair else 'images'}")
        x, y = pictures(held[pair["images"]], f"{what}: {pair['images']}"), flat(held[pair["labels"]])
        if len(x) != len(y):
            raise BadInput(f"{what}: {pair['images']} has {len(x):,} images and {pair['labels']} {len(y):,} labels")
        images.append(x)
        labels.append(y)
        given += [split] * len(x)
    if len(shapes := {x.shape[1:] for x in images}) > 1:
        raise BadInput(f"{what} has images of {' and '.join(map(str, sorted(shapes)))}; all have to be of one shape")
    return arranged(np.concatenate(images), np.concatenate(labels), given, classes, what)


def arranged(images: Array, labels: Array, given: list[str | None], names: Array | None, what: str) -> Data:
    """Images (N, H, W, C) uint8 and their labels (N,) in splits: as given, or drawn.

    Raises:
        BadInput: fewer names than labels.
    """
    values, numbers = np.unique(labels, return_inverse=True)
    if values.dtype.kind not in "iuUSb":
        raise BadInput(f"{what} has labels of type {values.dtype}, as {values[0]}; give whole numbers or words")
    if values.dtype.kind in "iu":
        if len(values) and not 0 <= int(values[0]) <= int(values[-1]) < MOST:
            raise BadInput(
                f"{what} has labels from {values[0]} to {values[-1]}; they go from 0 to {MOST - 1:,} at most"
            )
        numbers = labels.astype("int64")
        values = np.arange(max(int(numbers.max()) + 1, len(names) if names is not None else 0))
    classes = [str(v) for v in (values if names is None else names)]
    if len(classes) < len(values):
        raise BadInput(f"{what} names {len(classes)} classes, and labels go up to {len(values) - 1}")
    parts = dealt(numbers, np.arange(len(numbers)), given, what)
    ids = np.arange(len(numbers)).astype(str)
    return parted(Split(images, numbers, ids), parts, classes=tuple(classes), source=what)


def pictures(x: Array, what: str) -> Array:
    """An array of images as (N, H, W, C) uint8.

    Raises:
        BadInput: it has another number of axes, or values of no known range.
    """
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4:
        raise BadInput(f"{what} has the shape {x.shape}; images are (N, H, W), (N, H, W, C) or (N, C, H, W)")
    if x.shape[1] in (1, 3, 4) and x.shape[3] not in (1, 3, 4):
        x = x.transpose(0, 2, 3, 1)
    if x.dtype == np.uint8:
        return x
    low, high = (float(x.min()), float(x.max())) if x.size and x.dtype.kind in "iuf" else (0.0, 0.0)
    if x.dtype.kind in "iu" and low >= 0 and high <= 65535:
        return x.astype("uint8") if high <= 255 else np.round(x / 257).astype("uint8")
    if x.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.round(x * 255).astype("uint8")
    if x.dtype.kind == "f" and low >= 0 and high <= 255 and np.array_equal(x, np.round(x)):
        return x.astype("uint8")
    if x.dtype.kind not in "iuf":
        raise BadInput(f"{what} holds {x.dtype}; images are whole numbers of 8 or 16 bits, or numbers from 0 to 1")
    raise BadInput(
        f"{what} has values from {low:g} to {high:g} of type {x.dtype}; give whole numbers from 0 to 255 or 65535, or "
        "numbers from 0 to 1, not normalised: the network does that itself"
    )


def flat(y: Array) -> Array:
    """Labels (N,) from (N,), (N, 1) or one-hot (N, K)."""
    if y.ndim == 2:
        return y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)
    return y


def _meaning(name: str) -> tuple[str | None, str | None]:
    """(`images`, `labels` or None, split or None) of an array's name: x_train, train_images, X, y."""
    words = re.split(r"[_.\-]", name.lower())
    splits = [s for w in words if (s := split_called(w))]
    rest = "_".join(w for w in words if not split_called(w))
    kind = "images" if rest in IMAGES else "labels" if rest in LABELS else None
    return kind, splits[0] if splits else None
