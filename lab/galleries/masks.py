"""The test images that a segmentation did best and worst on, kept for the report to draw. No Keras."""

from dataclasses import dataclass

import numpy as np

from lab.galleries.kept import Kept
from lab.inputs.data import Data
from lab.inputs.scaling import pictures

Array = np.ndarray
SHOWN = 4  # best and as many worst images
UNLABELLED = ((120, 120, 120), (0, 0, 0))  # grey, or black where the palette has a grey


@dataclass(frozen=True)
class Gallery(Kept):
    """M test images (M, H, W, C) uint8 with truth and prediction (M, H, W) uint8.

    Attributes:
        iou: of each image and class (M, K); NaN where the class is in neither mask.
        best, worst: numbers among the M, the best or worst mean IoU first.
        good, bad: for each class (K,), the image with its best and its worst IoU, of equal ones the one that has most
            of it; -1 where the class is nowhere.
    """

    images: Array
    truth: Array
    predicted: Array
    ids: Array
    iou: Array
    best: Array
    worst: Array
    good: Array
    bad: Array
    classes: Array
    palette: Array


def chosen(data: Data, predicted: Array, iou: Array, pixels: Array) -> Gallery:
    """The gallery of the test split's predicted masks (N, H, W); each image has IoU and pixels of each class (N, K)."""
    score = np.array([np.nanmean(row) if np.isfinite(row).any() else 1.0 for row in iou])
    order = np.argsort(-score, kind="stable")
    seen = np.isfinite(iou).any(axis=0)
    high, low = (np.where(np.isfinite(iou), iou, nothing) for nothing in (-1.0, 2.0))
    good, bad = (
        np.where(seen, np.lexsort((most, of), axis=0)[place], -1)
        for most, of, place in ((pixels, high, -1), (-pixels.astype("int64"), low, 0))
    )
    best, worst = order[:SHOWN], order[::-1][:SHOWN]
    wanted = np.unique(np.concatenate([best, worst, good[seen], bad[seen]]))
    place = {int(i): k for k, i in enumerate(wanted)} | {-1: -1}
    moved = {name: np.array([place[int(i)] for i in of]) for name, of in zip(
        ("best", "worst", "good", "bad"), (best, worst, good, bad), strict=True
    )}  # fmt: skip
    part, every = data.test.take(wanted), np.arange(len(wanted))
    return Gallery(
        images=pictures(data)(np.asarray(part.images[every])), truth=np.asarray(part.labels[every]),
        predicted=predicted[wanted], ids=part.ids.astype("U"), iou=iou[wanted], classes=np.array(data.classes, "U"),
        palette=np.array(data.palette, "uint8").reshape(-1, 3), **moved,
    )  # fmt: skip


def unlabelled(palette: Array) -> tuple[int, int, int]:
    """The colour of ignored pixels: that of `UNLABELLED` which is farthest from all of the palette (K, 3)."""
    far = [np.abs(np.asarray(palette, "int64") - colour).sum(axis=1).min(initial=999) for colour in UNLABELLED]
    return UNLABELLED[int(np.argmax(far))]
