"""How a segmentation is scored: a matrix of counted pixels, and figures of it. No Keras.

A matrix is (..., K, K) int64, truth in rows, prediction in columns; matrices of parts add up to that of
the whole. A figure of a class is NaN where neither truth nor prediction has the class, and `mean`
leaves it out. A class that is only predicted has overlap 0, which counts: it was claimed and is not
there. scikit-learn's macro averages and mmsegmentation decide both cases the same way.
"""

from typing import Any

import numpy as np

from lab.inputs.data import IGNORED

Array = np.ndarray


def matrices(labels: Array, predicted: Array, classes: int) -> Array:
    """The matrix of each image (N, K, K), of masks (N, H, W); pixels whose label is 255 are not counted.

    Raises:
        ValueError: a label or a prediction is not below `classes`.
    """
    counted = labels != IGNORED
    images, truth, guess = np.nonzero(counted)[0], labels[counted].astype(np.int64), predicted[counted]
    if len(truth) and max(truth.max(), guess.max()) >= classes:
        raise ValueError(f"masks have a label {max(truth.max(), guess.max())}; classes are 0 to {classes - 1}")
    shape = (len(labels), classes, classes)
    cells = np.bincount((images * classes + truth) * classes + guess, minlength=int(np.prod(shape)))
    return cells.reshape(shape)


def overlap(matrix: Array) -> tuple[Array, Array]:
    """Intersection and union of each class, in pixels (..., K) and (..., K)."""
    hit = np.diagonal(matrix, axis1=-2, axis2=-1)
    return hit, matrix.sum(-1) + matrix.sum(-2) - hit


def iou(matrix: Array) -> Array:
    """Intersection over union of each class (..., K), the Jaccard index."""
    return ratio(*overlap(matrix))


def dice(matrix: Array) -> Array:
    """Twice the intersection over the sum of both sizes (..., K), the F1 of pixels."""
    hit = np.diagonal(matrix, axis1=-2, axis2=-1)
    return ratio(2 * hit, matrix.sum(-1) + matrix.sum(-2))


def accuracy(matrix: Array) -> Array:
    """Fraction of the pixels that are right (...)."""
    return ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1)))


def frequency_weighted_iou(matrix: Array) -> Array:
    """IoU averaged over pixels instead of classes (...); Long et al. 2015, https://arxiv.org/abs/1411.4038."""
    return ratio(np.nansum(matrix.sum(-1) * iou(matrix), axis=-1), matrix.sum((-2, -1)))


def mean(values: Array, axis: int = -1) -> Array:
    """Mean of what is not NaN; NaN where there is nothing else."""
    return ratio(np.nansum(values, axis=axis), (~np.isnan(values)).sum(axis=axis))


def ratio(part: Any, whole: Any) -> Array:
    """Part over whole in float64; NaN where the whole is 0."""
    with np.errstate(invalid="ignore"):
        return np.divide(part, whole, dtype="float64")
