"""Boundary F1 on masks drawn by hand, and against distance transforms on random ones."""

import numpy as np
import pytest
from scipy import ndimage

from lab.inputs.data import IGNORED
from lab.metrics import boundary


def halves(column, shape=(30, 40), classes=(0, 1)):
    """One mask (1, H, W): the first class left of the column, the second from there on."""
    left = np.arange(shape[1]) < column
    return np.where(np.broadcast_to(left, (1, *shape)), *classes).astype("uint8")


def blobs(seed, classes=4, shape=(2, 33, 47)):
    noise = np.random.default_rng(seed).normal(size=(shape[0], classes, *shape[1:]))
    return ndimage.gaussian_filter(noise, (0, 0, 3, 3)).argmax(1).astype("uint8")


def test_the_same_mask_scores_1():
    np.testing.assert_array_equal(boundary.f1(blobs(0), blobs(0), 4), 1)


@pytest.mark.parametrize(("shift", "score"), [(1, 1), (2, 0), (5, 0)])
def test_a_shift_counts_when_it_is_beyond_the_tolerance(shift, score):
    np.testing.assert_array_equal(boundary.f1(halves(20), halves(20 + shift), 2, tolerance=1.0), [[score, score]])


@pytest.mark.parametrize(("shift", "score"), [(2, 1), (3, 0)])
def test_the_tolerance_is_three_quarters_of_a_percent_of_the_diagonal(shift, score):
    shape = (180, 240)  # a diagonal of 300 px, so 2.25 px
    np.testing.assert_array_equal(boundary.f1(halves(99, shape), halves(99 + shift, shape), 2), [[score, score]])


def test_precision_and_recall_are_fractions_of_the_two_boundaries():
    labels = halves(20)
    predicted = labels.copy()
    predicted[0, :10] = halves(30)[0, :10]  # the upper third is 10 px off
    # Class 1. True: column 20, 30 px, of which rows 10 to 29 are found and, within 1 px, row 9. Predicted: column 30
    # in rows 0 to 9, column 20 in rows 10 to 29, and row 10 in columns 21 to 29, of which column 21 is near enough.
    precision, recall = (20 + 1) / (10 + 20 + 9), (20 + 1) / 30
    expected = 2 * precision * recall / (precision + recall)
    assert boundary.f1(labels, predicted, 2, tolerance=1.0)[0, 1] == pytest.approx(expected)


def test_a_class_that_is_nowhere_has_no_score_and_one_in_one_mask_only_has_0():
    only_predicted = halves(20, classes=(0, 2))
    np.testing.assert_array_equal(boundary.f1(halves(20), only_predicted, 4), [[1, 0, 0, np.nan]])
    everywhere, other = np.zeros((1, 9, 9), "uint8"), np.ones((1, 9, 9), "uint8")
    np.testing.assert_array_equal(boundary.f1(everywhere, other, 2), [[0, 0]])


def test_a_class_that_fills_the_image_has_no_boundary_to_miss():
    whole = np.zeros((1, 9, 9), "uint8")
    np.testing.assert_array_equal(boundary.f1(whole, whole, 2), [[1, np.nan]])
    np.testing.assert_array_equal(boundary.f1(whole, halves(4, (9, 9)), 2), [[0, 0]])


def test_ignored_pixels_neither_are_nor_make_boundaries():
    ring = np.zeros((1, 9, 9), "uint8")
    ring[0, 3:6, 3:6] = IGNORED
    assert (boundary.outlines(ring) == IGNORED).all()
    apart = halves(20)
    apart[:, :, 19:21] = IGNORED
    assert (boundary.outlines(apart) == IGNORED).all()
    labels, predicted, noise = blobs(1), blobs(2), blobs(3)
    labels[:, 5:12, 8:30] = IGNORED
    inside = np.where(labels == IGNORED, noise, predicted)
    np.testing.assert_array_equal(boundary.f1(labels, inside, 4), boundary.f1(labels, predicted, 4))


@pytest.mark.parametrize("tolerance", [0.0, 1.0, 1.5, 3.7, 100.0])
def test_it_is_what_distance_transforms_give(tolerance):
    labels, predicted = blobs(4), blobs(5)
    found = boundary.f1(labels, predicted, 4, tolerance)
    cross = ndimage.generate_binary_structure(2, 1)
    for i, c in np.ndindex(2, 4):
        edges = []
        for mask in (labels[i] == c, predicted[i] == c):
            edges.append(mask & ~ndimage.binary_erosion(mask, cross, border_value=1))
        true, guessed = edges
        precision = (ndimage.distance_transform_edt(~true)[guessed] <= tolerance).mean()
        recall = (ndimage.distance_transform_edt(~guessed)[true] <= tolerance).mean()
        both = precision + recall
        assert found[i, c] == pytest.approx(2 * precision * recall / both if both else 0)
