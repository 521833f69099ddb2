"""What segmentation trains on and how it is measured, against scikit-learn."""

import json

import keras
import numpy as np
import pytest
from conftest import tiny_data
from scipy.special import softmax
from sklearn import metrics

from lab.inputs.data import IGNORED
from lab.metrics import boundary
from lab.tasks.segmentation import Segmentation

CLASSES = ("sky", "road", "tree", "car", "sign")  # no pixel is a sign


def split(seed=0, images=5, shape=(12, 17)):
    """Masks (N, H, W) with ignored pixels and probabilities that are right more often than not."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (images, *shape)).astype("uint8")
    logits = rng.normal(size=(images, *shape, len(CLASSES))) + 2 * np.eye(len(CLASSES))[labels]
    logits[..., 4] = -30
    return np.where(rng.random(labels.shape) < 0.2, IGNORED, labels).astype("uint8"), Segmentation().answered(logits)


def measured(labels, probabilities, batch=2):
    meter = Segmentation(CLASSES).meter(closely=True)
    for start in range(0, len(labels), batch):
        meter.update(labels[start : start + batch], probabilities[start : start + batch])
    return meter


def test_the_figures_are_scikit_learns():
    labels, p = split()
    result, counted, guess = measured(labels, p).result(), labels != IGNORED, p.argmax(-1)
    matrix = metrics.confusion_matrix(labels[counted], guess[counted], labels=range(5))
    assert result["confusion"] == matrix.tolist() and result["pixels"] == counted.sum() and result["examples"] == 5
    hit, size = np.diag(matrix)[:4], (matrix.sum(0) + matrix.sum(1))[:4]
    assert result["miou"] == pytest.approx((hit / (size - hit)).mean(), abs=1e-9)
    assert result["mdice"] == pytest.approx((2 * hit / size).mean(), abs=1e-9)
    assert result["accuracy"] == pytest.approx(hit.sum() / matrix.sum(), abs=1e-9)
    frequent = (matrix.sum(1)[:4] * hit / (size - hit)).sum() / matrix.sum()
    assert result["frequency_weighted_iou"] == pytest.approx(frequent, abs=1e-9)
    assert result["loss"] == pytest.approx(metrics.log_loss(labels[counted], p[counted], labels=range(5)), abs=1e-6)
    assert result[Segmentation.score] == result["miou"]
    for c, name in enumerate(CLASSES[:4]):
        row = result["per_class"][name]
        assert row["iou"] == pytest.approx(hit[c] / (size - hit)[c], abs=1e-9)
        assert row["dice"] == pytest.approx(2 * hit[c] / size[c], abs=1e-9)
        assert row["pixels"] == (labels == c).sum()
    assert result["per_class"]["sign"] == {"iou": None, "dice": None, "boundary_f1": None, "pixels": 0}


def test_scores_of_images_are_means_over_the_classes_that_each_has():
    labels, p = split(1)
    labels[0][labels[0] != 1] = IGNORED  # an image of one class; the others are there only where predicted
    labels[1] = IGNORED
    meter = measured(labels, p)
    iou, dice = [], []
    for truth, guess in zip(labels, p.argmax(-1), strict=True):
        pair = truth[truth != IGNORED], guess[truth != IGNORED]
        if len(pair[0]):
            iou.append(metrics.jaccard_score(*pair, average="macro", zero_division=0))
            dice.append(metrics.f1_score(*pair, average="macro", zero_division=0))
    result = meter.result()
    assert len(iou) == 4
    assert result["image_miou"] == pytest.approx(np.mean(iou), abs=1e-9)
    assert result["image_mdice"] == pytest.approx(np.mean(dice), abs=1e-9)
    assert meter.iou.shape == meter.dice.shape == (5, 5) and np.isnan(meter.iou[1]).all()


def test_boundaries_are_averaged_over_the_images_that_have_the_class():
    labels, p = split(2)
    labels[:3][labels[:3] == 3] = IGNORED
    p[:3, ..., 3] = 0
    guess, result = p.argmax(-1), measured(labels, p).result()
    scores = boundary.f1(labels, guess, 5)
    assert np.isnan(scores[:3, 3]).all() and not np.isnan(scores[3:, 3]).any()
    assert result["per_class"]["car"]["boundary_f1"] == pytest.approx(scores[3:, 3].mean())
    each = [scores[:, 0].mean(), scores[:, 1].mean(), scores[:, 2].mean(), scores[3:, 3].mean()]
    assert result["boundary_f1"] == pytest.approx(np.mean(each))


def test_a_perfect_prediction_scores_1_and_the_absent_class_does_not_distort():
    labels, _ = split(3)
    sure = np.eye(5, dtype="float32")[np.where(labels == IGNORED, 4, labels)]
    result = measured(labels, sure).result()
    names = ("miou", "mdice", "accuracy", "frequency_weighted_iou", "boundary_f1", "image_miou", "image_mdice")
    assert {n: result[n] for n in names} == dict.fromkeys(names, 1.0)
    assert result["loss"] == 0 and result["per_class"]["sign"]["iou"] is None


def test_a_result_can_be_written_as_json_even_where_nothing_was_counted():
    labels, p = split(4)
    json.dumps(measured(labels, p).result(), allow_nan=False)
    result = measured(np.full_like(labels, IGNORED), p).result()
    json.dumps(result, allow_nan=False)
    assert result["pixels"] == 0 and result["miou"] is None and result["loss"] is None


def test_the_batches_do_not_matter_and_the_predicted_masks_are_kept():
    labels, p = split(5)
    whole, parts = measured(labels, p, 5), measured(labels, p, 2)
    assert whole.result() == {**parts.result(), "loss": pytest.approx(whole.result()["loss"])}
    assert parts.predicted.dtype == np.uint8
    np.testing.assert_array_equal(parts.predicted, p.argmax(-1))


def test_a_meter_holds_far_less_than_the_probabilities():
    labels, p = split(6, images=4, shape=(32, 32))
    meter = measured(labels, p)
    held = sum(
        a.nbytes for v in vars(meter).values() for a in (v if isinstance(v, list) else [v]) if hasattr(a, "nbytes")
    )
    assert labels.nbytes <= held < p.nbytes / 8


def test_probabilities_are_a_softmax():
    logits = np.random.default_rng(0).normal(0, 4, (2, 3, 4, 5)).astype("float32")
    found = Segmentation().answered(logits)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, softmax(logits.astype("float64"), axis=-1), atol=1e-6)
    assert np.isfinite(Segmentation().answered(logits * 1e4)).all()


def test_targets_are_masks_that_the_loss_and_the_training_accuracy_understand():
    labels, p = split(7)
    assert Segmentation.of(tiny_data(classes=4)).outputs == 4
    targets, logits = Segmentation().encode(labels), np.log(np.maximum(p, 1e-9))
    assert targets.shape == (5, 12, 17, 1) and targets.dtype == np.int32
    result = measured(labels, p).result()
    assert float(Segmentation(tuple("abcde")).loss("cross_entropy")(targets, logits)) == pytest.approx(
        result["loss"], rel=1e-5
    )
    (accuracy,) = Segmentation().metrics()
    for start in (0, 2, 4):
        accuracy.update_state(targets[start : start + 2], keras.ops.convert_to_tensor(logits[start : start + 2]))
    assert float(accuracy.result()) == pytest.approx(result["accuracy"], rel=1e-6)


def test_a_network_trains_on_masks_with_its_loss_and_metric():
    labels, _ = split(8)
    images = np.eye(5, dtype="float32")[np.where(labels == IGNORED, 0, labels)]
    model = keras.Sequential([keras.Input((12, 17, 5)), keras.layers.Conv2D(5, 1)])
    loss = Segmentation(tuple("abcde")).loss("dice+cross_entropy", weights=[1, 1, 2, 1, 1])
    model.compile(keras.optimizers.Adam(0.1), loss, metrics=Segmentation().metrics())
    targets = Segmentation().encode(labels)
    logs = [model.train_on_batch(images, targets, return_dict=True) for _ in range(30)]
    assert logs[-1]["loss"] < 0.3 * logs[0]["loss"] and logs[-1]["accuracy"] > logs[0]["accuracy"]
