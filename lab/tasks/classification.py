"""One label an image. Metrics by scikit-learn, on counts."""

from typing import Any

import numpy as np

Array = np.ndarray
SCORE = "accuracy"


def outputs(data: Any) -> int:
    return len(data.classes)


def encode(labels: Array, outputs: int) -> Array:
    """Labels (N,) to one-hot targets (N, K) float32."""
    return np.eye(outputs, dtype="float32")[labels]


def loss(label_smoothing: float = 0.0) -> Any:
    """Cross-entropy; smoothed targets as Szegedy et al. 2016, https://arxiv.org/abs/1512.00567."""
    import keras

    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)


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


meter = Meter
