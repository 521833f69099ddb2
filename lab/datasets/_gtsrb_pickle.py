"""GTSRB as one pickle of arrays, Traffic Signs Preprocessed."""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np
from PIL import Image

from lab.datasets._gtsrb_classes import CLASSES
from lab.errors import BadInput
from lab.inputs.data import Split
from lab.inputs.decoding import fitted
from lab.inputs.folders import Files
from lab.inputs.pickles import read_dictionary

PICKLES = (".pickle", ".pkl")
LARGEST = 8 << 30  # bytes of a pickle
LARGEST_VALUE = 1e9  # of a pixel, whatever its scale
CHUNK = 1024  # images that are converted at a time
SPLITS = ("train", "validation", "test")


class Scale(NamedTuple):
    """How values become 0 to 255: (value - low) * factor, (1 or H, 1 or W, 1 or C) both."""

    low: np.ndarray
    factor: np.ndarray


@dataclass(frozen=True)
class Pickle:
    """A dictionary of x_train, y_train, x_validation, y_validation, x_test, y_test: `data0.pickle` to `data8.pickle`.

    By Valentyn Sichkar, https://www.kaggle.com/datasets/valentynsichkar/traffic-signs-preprocessed:
    86,989 training images, brought to the same number in each class by turned and lightened copies,
    4,410 validation and 12,630 test images, (N, 3, 32, 32) or grey (N, 1, 32, 32). The split between
    training and validation is the file's own: it is by tracks of the original, and there are no names
    left to split by.

    The lab keeps images as 0 to 255. Values from 0 to 255 are rounded, values from 0 to 1 taken times
    255. data2, data3, data7 and data8 have a mean image subtracted, and some are divided by a
    deviation; neither is in the file. That is undone for each pixel and channel by itself: the least
    value in training becomes 0 and the largest 255, and validation and test follow the same map, cut
    off at both ends. It gives back data0 up to a contrast for each pixel, not exactly.
    """

    files: Files
    note = "; Traffic Signs Preprocessed, V. Sichkar, 2019"

    @staticmethod
    def is_in(files: Files) -> bool:
        return bool(found_in(files))

    @property
    def name(self) -> str:
        """The one pickle that is there.

        Raises:
            BadInput: there are several.
        """
        found = found_in(self.files)
        if len(found) > 1:
            raise BadInput(
                f"{self.files.title} holds {len(found)} pickles, {', '.join(found[:3])} ...; each is a data set: "
                "name one, --data-dir FOLDER/data0.pickle"
            )
        return found[0]

    def fingerprint(self) -> str:
        return self.files.sha256(self.name, LARGEST)

    def splits(self, px: int) -> tuple[Split, Split, Split]:
        found = self._read()
        pixels = {s: self._pixels(found.pop(f"x_{s}"), f"x_{s}") for s in SPLITS}
        labels = {s: self._labels(found.pop(f"y_{s}"), f"y_{s}", len(pixels[s])) for s in SPLITS}
        if len({p.shape[1:] for p in pixels.values()}) > 1:
            self._refuse(f"images of several shapes, {', '.join(str(p.shape[1:]) for p in pixels.values())}")
        scale = self._scale(pixels)
        train, val, test = (
            # `pop`, so that the memory of one split is free before the next is converted
            Split(
                converted(pixels.pop(s), scale, px),
                labels[s],
                np.array([f"{short}/{i}" for i in range(len(labels[s]))]),
            )
            for s, short in zip(SPLITS, ("train", "val", "test"), strict=True)
        )
        return train, val, test

    def _read(self) -> dict[str, Any]:
        with self.files.open(self.name, LARGEST) as (stream, size):
            found = read_dictionary(stream, size, self.files.called(self.name))
        for key in (f"{xy}_{s}" for s in SPLITS for xy in "xy"):
            if key not in found:
                self._refuse(f"no {key}; the data sets are data0.pickle to data8.pickle")
        return found

    def _pixels(self, images: Any, key: str) -> np.ndarray:
        """The images as (N, H, W, C), in the file's numbers and without a copy."""
        if not isinstance(images, np.ndarray) or images.dtype.kind not in "uif" or images.ndim != 4 or not images.size:
            shape = getattr(images, "shape", type(images).__name__)
            self._refuse(f"{key} {shape}; it must be an array of numbers, (N, 32, 32, C) or (N, C, 32, 32)")
        if images.shape[1] in (1, 3):
            images = images.transpose(0, 2, 3, 1)
        if images.shape[3] not in (1, 3) or images.shape[1] != images.shape[2]:
            self._refuse(f"{key} {images.shape}; it must be (N, 32, 32, C) or (N, C, 32, 32), of 1 or 3 channels")
        return images

    def _labels(self, labels: Any, key: str, count: int) -> np.ndarray:
        """The labels as (N,) int64, which are numbers in the file or rows with a single 1."""
        if isinstance(labels, list) and all(type(v) is int and abs(v) < LARGEST_VALUE for v in labels):
            labels = np.array(labels, "int64")
        if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "uif":
            self._refuse(f"{key} that is no array of numbers")
        if labels.shape == (count, len(CLASSES)):
            if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
                self._refuse(f"{key} with rows that are not a single 1 among 0s")
            return labels.argmax(axis=1).astype("int64")
        if labels.shape not in ((count,), (count, 1)):
            self._refuse(
                f"{key} {labels.shape} for {count:,} images; it must be ({count},) or ({count}, {len(CLASSES)})"
            )
        wrong = labels[~np.isin(labels, np.arange(len(CLASSES)))]
        if wrong.size:
            self._refuse(f"the label {wrong.flat[0]} in {key}; labels are 0 to {len(CLASSES) - 1}")
        return labels.reshape(count).astype("int64")

    def _scale(self, pixels: dict[str, np.ndarray]) -> Scale:
        """How the file's numbers become 0 to 255, judged by all three splits."""
        zero, one = np.zeros((1, 1, 1)), np.ones((1, 1, 1))
        if all(p.dtype == np.uint8 for p in pixels.values()):
            return Scale(zero, one)
        low, high, whole = {}, {}, True
        for s, images in pixels.items():
            low[s], high[s], own = self._range(images, s)
            whole = whole and own
        least, most = min(v.min() for v in low.values()), max(v.max() for v in high.values())
        if least >= 0 and most <= 255:
            return Scale(zero, 255 * one if most <= 1 and not whole else one)
        span = high["train"] - low["train"]
        return Scale(low["train"], np.divide(255, span, out=np.zeros_like(span), where=span > 0))

    def _range(self, images: np.ndarray, split: str) -> tuple[np.ndarray, np.ndarray, bool]:
        """Least and largest value of each pixel and channel (H, W, C), and whether all are whole numbers."""
        low, high, whole = np.full(images.shape[1:], np.inf), np.full(images.shape[1:], -np.inf), True
        for start in range(0, len(images), CHUNK):
            part = images[start : start + CHUNK].astype("float64")
            if not (np.abs(part) < LARGEST_VALUE).all():
                self._refuse(f"values in x_{split} that are not finite, or absurdly large")
            low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
            whole = whole and np.array_equal(part, np.rint(part))
        return low, high, whole

    def _refuse(self, what: str) -> NoReturn:
        raise BadInput(f"{self.files.called(self.name)} has {what}")


def converted(images: np.ndarray, scale: Scale, px: int) -> np.ndarray:
    """Images (N, H, W, C) of any numbers as (N, px, px, C) uint8."""
    made = np.empty((len(images), px, px, images.shape[3]), "uint8")
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK]
        if part.dtype != np.uint8:
            part = np.clip(np.rint((part - scale.low) * scale.factor), 0, 255).astype("uint8")
        if part.shape[1] == px:
            made[start : start + CHUNK] = part
            continue
        for i, image in enumerate(part, start):
            made[i] = fitted(Image.fromarray(image.squeeze()), px).reshape(made.shape[1:])
    return made


def found_in(files: Files) -> list[str]:
    """The pickles that are there; beside data0.pickle to data8.pickle no other counts."""
    found = sorted(n for n in files.names if n.lower().endswith(PICKLES) and not n.rpartition("/")[2].startswith("._"))
    return [n for n in found if re.fullmatch(r"data\d\.pickle", n.rpartition("/")[2])] or found
