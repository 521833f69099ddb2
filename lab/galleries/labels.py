"""The test images that a classification was surest of, right and wrong, kept for the report to draw. No Keras."""

from dataclasses import dataclass

import numpy as np

from lab.galleries.kept import Kept
from lab.inputs.data import Data
from lab.inputs.scaling import pictures

Array = np.ndarray
SHOWN = 8  # of each kind


@dataclass(frozen=True)
class Surest(Kept):
    """M test images, one of each predicted class: the best, which are right, and then the worst, which are not.

    Attributes:
        images: (M, h, w, C) uint8, to look at.
        truth, predicted: (M,) classes. confidence: (M,).
        classes: names (K,).
    """

    images: Array
    truth: Array
    predicted: Array
    confidence: Array
    classes: Array


def chosen(data: Data, predicted: Array, confidence: Array) -> Surest:
    """Of the test split, whose likeliest classes (N,) a network gave these probabilities (N,)."""
    some = order(data.test.labels, predicted, confidence)
    return Surest(
        images=pictures(data)(np.asarray(data.test.images[some])), truth=data.test.labels[some],
        predicted=predicted[some], confidence=confidence[some].astype("float32"), classes=np.array(data.classes, "U"),
    )  # fmt: skip


def order(labels: Array, predicted: Array, confidence: Array) -> Array:
    """Which examples are shown: the right ones first, the surest of them first."""
    parts = [_surest(confidence, predicted, of) for of in (predicted == labels, predicted != labels)]
    return np.concatenate(parts)


def _surest(confidence: Array, predicted: Array, among: Array) -> Array:
    """Examples among those that are marked: the surest of each predicted class."""
    order = np.argsort(-np.where(among, confidence, -1.0), kind="stable")[: among.sum()]
    first = np.sort(np.unique(predicted[order], return_index=True)[1])
    return order[first][:SHOWN]
