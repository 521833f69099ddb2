"""One label an image. Metrics by scikit-learn, on counts."""

from pathlib import Path
from typing import Any

import numpy as np

from lab.galleries import labels as surest
from lab.records import artifacts, predictions
from lab.tasks import SCORES

Array = np.ndarray
SCORE = SCORES["classification"]
TARGETS = "labels"  # what Keras' augmentation layers call them


def outputs(data: Any) -> int:
    return len(data.classes)


def encode(labels: Array, outputs: int) -> Array:
    """Labels (N,) to one-hot targets (N, K) float32."""
    return np.eye(outputs, dtype="float32")[labels]


def frequencies(split: Any, classes: tuple[str, ...]) -> Array:
    """Examples of each class (K,)."""
    return np.bincount(split.labels, minlength=len(classes))


def loss(text: str, classes: int, label_smoothing: float = 0.0, weights: Array | None = None) -> Any:
    """Of a name in lab.losses; smoothed targets as Szegedy et al. 2016, https://arxiv.org/abs/1512.00567.

    With weights (K,) each example's loss is multiplied by its class's, as Keras' `class_weight` does.
    """
    import keras

    from lab.losses import built

    class Weighted(keras.losses.CategoricalCrossentropy):
        def __call__(self, y_true, y_pred, sample_weight=None):
            return super().__call__(y_true, y_pred, keras.ops.sum(y_true * weights, axis=-1))

    if text != "cross_entropy":
        return built(text, classes, None if weights is None else weights.tolist())
    kind = keras.losses.CategoricalCrossentropy if weights is None else Weighted
    return kind(from_logits=True, label_smoothing=label_smoothing)


def metrics() -> list[Any]:
    import keras

    return [keras.metrics.CategoricalAccuracy(name="accuracy")]


def probabilities(logits: Array) -> Array:
    """Logits (N, K) to probabilities (N, K) float64."""
    z = logits.astype("float64")
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Meter:
    """Accuracy, cross-entropy, top-5, macro F1 and per-class accuracy, from all probabilities."""

    def __init__(self, classes: tuple[str, ...]):
        self.classes = classes
        self.labels: list[Array] = []
        self.all: list[Array] = []

    def update(self, labels: Array, probabilities: Array) -> None:
        self.labels.append(labels)
        self.all.append(probabilities)

    @property
    def probabilities(self) -> Array:
        return np.concatenate(self.all)

    def result(self) -> dict[str, Any]:
        """Fractions from 0 to 1; the loss in nats. A class without examples has no accuracy (None)."""
        from sklearn.metrics import f1_score

        y, p = np.concatenate(self.labels), self.probabilities
        guess = p.argmax(axis=1)
        truth = p[np.arange(len(y)), y]
        top5 = (p > truth[:, None]).sum(axis=1) < 5
        present = np.unique(y)
        per_class = {
            c: (float((guess[y == i] == i).mean()) if i in present else None) for i, c in enumerate(self.classes)
        }
        return {
            "examples": len(y),
            "accuracy": float((guess == y).mean()),
            "loss": float(-np.log(np.maximum(truth, 1e-12)).mean()),
            "top5": float(top5.mean()),
            "macro_f1": float(f1_score(y, guess, labels=present, average="macro", zero_division=0)),
            "per_class": per_class,
        }


meter = last_meter = Meter


def keep(root: Path, experiment: str, name: str, data: Any, meters: dict[str, Meter]) -> None:
    """Leaves each split's labels and probabilities beside the record and in the cache; the surest images there, too."""
    splits = {split: (np.concatenate(meter.labels), meter.probabilities) for split, meter in meters.items()}
    predictions.write(root, experiment, name, splits)
    if data is not None and not data.table:  # an ensemble's are put together without the images
        surest.chosen(data, meters["test"].probabilities).write(artifacts.path_of(root, experiment, name, "surest"))
