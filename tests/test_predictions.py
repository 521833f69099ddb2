"""What a run said of each example: measured and written batch by batch, as all at once would be, in little memory."""

import tracemalloc

import numpy as np
import pytest
from sklearn import metrics

from lab.records import predictions, store
from lab.task import Left
from lab.tasks.classification import Classification

CLASSES = tuple(f"class {i}" for i in range(300))


def measured(count, batch, task):
    meter, rng = task.meter(), np.random.default_rng(0)
    for _ in range(0, count, batch):
        logits = rng.normal(size=(batch, len(CLASSES))).astype("float32")
        meter.update(rng.integers(0, len(CLASSES), batch), task.answered(logits))
    return meter


def test_the_answers_of_many_classes_are_kept_once(tmp_path):
    """While they are measured and written, no second copy of them is made."""
    task, count = Classification(CLASSES), 6_000
    store.prepare(tmp_path, "x")
    tracemalloc.start()
    try:
        meter = measured(count, 50, task)
        found = meter.result()
        predictions.write(tmp_path, "x", "run", task.left(None, {"test": meter}))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * count * len(CLASSES) * 4
    with np.load(tmp_path / "results" / ".cache" / "x" / "run.test.npz") as file:
        labels, p = file["labels"], file["probabilities"]
    assert p.shape == (count, len(CLASSES)) and p.dtype == np.float32 and np.array_equal(p, meter.probabilities)
    assert found["accuracy"] == metrics.accuracy_score(labels, p.argmax(axis=1))
    assert found["top5"] == pytest.approx(metrics.top_k_accuracy_score(labels, p, k=5, labels=range(len(CLASSES))))
    assert found["loss"] == pytest.approx(metrics.log_loss(labels, p / p.sum(1, keepdims=True), labels=range(300)))


@pytest.mark.parametrize("compressed", [False, True])
def test_an_array_in_parts_is_written_as_the_whole_would_be(compressed, tmp_path):
    store.prepare(tmp_path, "x")
    whole = np.arange(60, dtype="float64").reshape(10, 3, 2)
    given = {"parts": [whole[:4], whole[4:5], whole[5:]], "whole": whole[:, ::-1], "bits": np.array([True, False])}
    predictions.write(tmp_path, "x", "run", Left({"labels": np.arange(3)}, {"val": given}, compressed=compressed))
    with np.load(tmp_path / "results" / ".cache" / "x" / "run.val.npz", allow_pickle=False) as file:
        assert np.array_equal(file["parts"], whole) and np.array_equal(file["whole"], whole[:, ::-1])
        assert file["parts"].dtype == whole.dtype and file["bits"].tolist() == [True, False]


def test_a_guess_that_is_no_class_is_wrong_and_of_no_class():
    """As of a source that reads two labels off four outputs of its own."""
    meter = Classification(("a", "b")).meter()
    meter.update(np.array([0, 1, 1]), np.eye(4)[[0, 3, 1]])
    found = meter.result()
    assert found["accuracy"] == pytest.approx(2 / 3) and found["per_class"] == {"a": 1.0, "b": 0.5}
    assert found["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)
