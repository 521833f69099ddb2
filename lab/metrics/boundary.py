"""How well a segmentation follows the outlines: the boundary F1 of Csurka et al. 2013. No Keras.

https://doi.org/10.5244/C.27.32
"""

from collections.abc import Iterable, Iterator

import numpy as np

from lab.inputs.data import IGNORED
from lab.metrics.confusion import ratio

Array = np.ndarray
TOLERANCE = 0.0075  # of the image's diagonal, as published
NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def f1(labels: Array, predicted: Array, classes: int, tolerance: float | None = None) -> Array:
    """Boundary F1 of each image and class (N, K), of masks (N, H, W); `tolerance` is in pixels.

    Precision is the fraction of the predicted boundary that lies within the tolerance of the true one,
    recall the same the other way round. A class that neither mask has is NaN; one that only one of them
    has scores 0. A class that both have and that has no boundary, as it fills the image, scores 1.
    """
    if tolerance is None:
        tolerance = TOLERANCE * float(np.hypot(*labels.shape[1:]))
    predicted = np.where(labels == IGNORED, IGNORED, predicted)
    true, guessed = outlines(labels), outlines(predicted)
    precision = _matched(guessed, true, classes, tolerance)
    recall = _matched(true, guessed, classes, tolerance)
    score = np.nan_to_num(ratio(2 * precision * recall, precision + recall))
    in_truth, in_guess = _pixels(labels, classes) > 0, _pixels(predicted, classes) > 0
    return np.where(in_truth & in_guess, score, np.where(in_truth | in_guess, 0.0, np.nan))


def outlines(masks: Array) -> Array:
    """Masks (N, H, W) with only those pixels left that have another class above, below, left or right; else 255.

    Neither an ignored pixel nor the image's edge is another class: what is behind them is not known.
    """
    boundary = np.zeros(masks.shape, bool)
    for neighbour in _moved(masks, NEIGHBOURS):
        boundary |= (neighbour != masks) & (neighbour != IGNORED)
    return np.where(boundary, masks, IGNORED)


def _matched(points: Array, others: Array, classes: int, tolerance: float) -> Array:
    """Fraction (N, K) of each class's points that have one of the others within the tolerance; 1 of no points.

    All classes at once: the others are moved to every place that is near enough, and the labels compared.
    At the usual sizes this takes a fraction of what a distance transform for each class does.
    """
    reach = min(int(tolerance), max(points.shape[1:]))
    steps = range(-reach, reach + 1)
    near = [(dy, dx) for dy in steps for dx in steps if np.hypot(dy, dx) <= tolerance]
    hit = np.zeros(points.shape, bool)
    for other in _moved(others, near):
        hit |= points == other
    found, of = _pixels(np.where(hit, points, IGNORED), classes), _pixels(points, classes)
    return np.where(of > 0, found / np.maximum(of, 1), 1.0)


def _moved(masks: Array, places: Iterable[tuple[int, int]]) -> Iterator[Array]:
    """Yields the masks (N, H, W) moved to each place, (dy, dx) px; what comes in is ignored."""
    places = list(places)
    reach = max(max(abs(dy), abs(dx)) for dy, dx in places)
    height, width = masks.shape[1:]
    padded = np.pad(masks, [(0, 0), (reach, reach), (reach, reach)], constant_values=IGNORED)
    for dy, dx in places:
        yield padded[:, reach + dy : reach + dy + height, reach + dx : reach + dx + width]


def _pixels(masks: Array, classes: int) -> Array:
    """How many pixels of each image and class (N, K) masks (N, H, W) have."""
    counted = masks != IGNORED
    index = np.nonzero(counted)[0] * classes + masks[counted]
    return np.bincount(index, minlength=len(masks) * classes).reshape(len(masks), classes)
