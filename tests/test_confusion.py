"""Figures of a confusion matrix against scikit-learn's, and what they say of classes that are not there."""

import numpy as np
import pytest
from sklearn import metrics

from lab.inputs.data import IGNORED
from lab.metrics import confusion

CLASSES = 5


def masks(seed=0, shape=(3, 20, 30), ignored=0.1):
    """True and predicted masks that agree half of the time."""
    rng = np.random.default_rng(seed)
    labels, other = rng.integers(0, CLASSES, (2, *shape)).astype("uint8")
    predicted = np.where(rng.random(shape) < 0.5, labels, other)
    return np.where(rng.random(shape) < ignored, IGNORED, labels).astype("uint8"), predicted


def test_it_is_scikit_learns_matrix_and_so_are_the_figures():
    labels, predicted = masks()
    counted = labels != IGNORED
    pair = labels[counted], predicted[counted]
    matrix = confusion.matrices(labels, predicted, CLASSES).sum(axis=0)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(*pair, labels=range(CLASSES)))
    args = {"rtol": 0, "atol": 1e-9}
    np.testing.assert_allclose(confusion.iou(matrix), metrics.jaccard_score(*pair, average=None), **args)
    np.testing.assert_allclose(confusion.dice(matrix), metrics.f1_score(*pair, average=None), **args)
    np.testing.assert_allclose(confusion.accuracy(matrix), metrics.accuracy_score(*pair), **args)
    weighted = metrics.jaccard_score(*pair, average="weighted")
    np.testing.assert_allclose(confusion.frequency_weighted_iou(matrix), weighted, **args)


def test_each_image_has_its_own_matrix():
    labels, predicted = masks(1)
    labels[1] = IGNORED
    found = confusion.matrices(labels, predicted, CLASSES)
    for i in range(3):
        np.testing.assert_array_equal(found[i], confusion.matrices(labels[i : i + 1], predicted[i : i + 1], CLASSES)[0])
    assert found[0].sum() == (labels[0] != IGNORED).sum() and not found[1].any()
    np.testing.assert_allclose(confusion.iou(found)[2], confusion.iou(found[2]))


def test_a_perfect_prediction_scores_1_whatever_is_predicted_where_nothing_counts():
    labels, predicted = masks(2)
    matrix = confusion.matrices(labels, np.where(labels == IGNORED, predicted, labels), CLASSES).sum(axis=0)
    np.testing.assert_array_equal(confusion.iou(matrix), 1)
    np.testing.assert_array_equal(confusion.dice(matrix), 1)
    assert confusion.accuracy(matrix) == confusion.frequency_weighted_iou(matrix) == 1


def test_a_class_that_is_nowhere_is_left_out_and_one_only_predicted_counts_as_0():
    labels, predicted = np.zeros((1, 2, 4), "uint8"), np.zeros((1, 2, 4), "uint8")
    labels[0, 0, :2] = predicted[0, 0, :2] = 1
    scores = confusion.iou(confusion.matrices(labels, predicted, 4)[0])
    np.testing.assert_array_equal(scores, [1, 1, np.nan, np.nan])
    assert confusion.mean(scores) == 1
    predicted[0, 1, :2] = 2
    matrix = confusion.matrices(labels, predicted, 4)[0]
    np.testing.assert_allclose(confusion.iou(matrix), [4 / 6, 1, 0, np.nan])
    np.testing.assert_allclose(confusion.dice(matrix), [8 / 10, 1, 0, np.nan])
    expected = metrics.jaccard_score(labels.ravel(), predicted.ravel(), average="macro", zero_division=0)
    assert confusion.mean(confusion.iou(matrix)) == pytest.approx(expected, abs=1e-9) == (4 / 6 + 1) / 3


def test_billions_of_pixels_do_not_overflow():
    small = confusion.matrices(*masks(3), CLASSES).sum(axis=0)
    matrix = small.copy()
    for _ in range(40):
        matrix = matrix + matrix
    assert matrix.dtype == np.int64 and int(matrix.sum()) == int(small.sum()) * 2**40 > 2**31
    np.testing.assert_allclose(confusion.iou(matrix), confusion.iou(small), rtol=0, atol=1e-12)
    np.testing.assert_allclose(confusion.dice(matrix), confusion.dice(small), rtol=0, atol=1e-12)


def test_what_was_not_counted_has_no_figure():
    empty = confusion.matrices(np.full((1, 2, 2), IGNORED, "uint8"), np.zeros((1, 2, 2), "uint8"), 3)[0]
    for score in (confusion.iou, confusion.dice, confusion.accuracy, confusion.frequency_weighted_iou):
        assert np.isnan(score(empty)).all()
    assert np.isnan(confusion.mean(confusion.iou(empty)))


@pytest.mark.parametrize("which", ["labels", "predicted"])
def test_a_label_that_is_no_class_is_not_counted_as_another(which):
    pair = {"labels": np.zeros((2, 2, 2), "uint8"), "predicted": np.zeros((2, 2, 2), "uint8")}
    pair[which][0, 0, 0] = 3
    with pytest.raises(ValueError, match="a label 3; classes are 0 to 2"):
        confusion.matrices(**pair, classes=3)
