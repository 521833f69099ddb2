"""One label a pixel. Metrics from a confusion matrix, which is all that a whole split's pixels leave in memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lab import boundary, confusion, losses
from lab.data import IGNORED

Array = np.ndarray
SCORE = "miou"


def outputs(data: Any) -> int:
    return len(data.classes)


def encode(labels: Array, outputs: int) -> Array:
    """Masks (B, H, W) to targets (B, H, W, 1) int32; the loss makes them one-hot, on the device."""
    return labels[..., None].astype("int32")


def loss(text: str, outputs: int, weights: Sequence[float] | None = None) -> Any:
    """The loss that a text such as `dice+focal` names, with the weights (K,) of the classes."""
    return losses.built(text, outputs, weights)


def metrics() -> list[Any]:
    from lab.tasks._pixel_accuracy import PixelAccuracy

    return [PixelAccuracy(name="accuracy")]


def probabilities(logits: Array) -> Array:
    """Logits (B, H, W, K) to probabilities (B, H, W, K) float32."""
    z = logits.astype("float32")
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Meter:
    """mIoU and mean Dice of all pixels together and of each image, pixel accuracy, cross-entropy, boundary F1.

    Of each image it keeps the predicted mask and a row of scores, not the probabilities.
    """

    def __init__(self, classes: tuple[str, ...]):
        self.classes = classes
        self.confusion = np.zeros((len(classes), len(classes)), np.int64)
        self._nats = 0.0
        self._predicted: list[Array] = []
        self._iou: list[Array] = []
        self._dice: list[Array] = []
        self._boundary: list[Array] = []

    def update(self, labels: Array, probabilities: Array) -> None:
        """Adds masks (B, H, W) uint8 and probabilities (B, H, W, K)."""
        predicted, counted = probabilities.argmax(axis=-1).astype("uint8"), labels != IGNORED
        matrices = confusion.matrices(labels, predicted, len(self.classes))
        truth = probabilities[counted, labels[counted]]
        self.confusion += matrices.sum(axis=0)
        self._nats -= float(np.log(np.maximum(truth, 1e-12)).sum(dtype="float64"))
        self._predicted.append(predicted)
        self._iou.append(confusion.iou(matrices))
        self._dice.append(confusion.dice(matrices))
        self._boundary.append(boundary.f1(labels, predicted, len(self.classes)))

    @property
    def predicted(self) -> Array:
        """The masks that were predicted (N, H, W) uint8."""
        return np.concatenate(self._predicted)

    @property
    def iou(self) -> Array:
        """Each image's IoU of each class (N, K); NaN where neither mask has the class."""
        return np.concatenate(self._iou)

    @property
    def dice(self) -> Array:
        """Each image's Dice of each class (N, K); NaN where neither mask has the class."""
        return np.concatenate(self._dice)

    @property
    def boundary_f1(self) -> Array:
        """Each image's boundary F1 of each class (N, K); NaN where neither mask has the class."""
        return np.concatenate(self._boundary)

    def result(self) -> dict[str, Any]:
        """Fractions from 0 to 1; the loss in nats a pixel. What nothing was counted for has no figure (None)."""
        matrix, edges = self.confusion, confusion.mean(self.boundary_f1, axis=0)
        rows = zip(self.classes, confusion.iou(matrix), confusion.dice(matrix), edges, matrix.sum(1), strict=True)
        return {
            "examples": len(self.iou),
            "pixels": int(matrix.sum()),
            "miou": figure(confusion.mean(confusion.iou(matrix))),
            "mdice": figure(confusion.mean(confusion.dice(matrix))),
            "frequency_weighted_iou": figure(confusion.frequency_weighted_iou(matrix)),
            "accuracy": figure(confusion.accuracy(matrix)),
            "loss": figure(confusion.ratio(self._nats, matrix.sum())),
            "boundary_f1": figure(confusion.mean(edges)),
            "image_miou": figure(confusion.mean(confusion.mean(self.iou))),
            "image_mdice": figure(confusion.mean(confusion.mean(self.dice))),
            "per_class": {
                name: {"iou": figure(iou), "dice": figure(dice), "boundary_f1": figure(edge), "pixels": int(pixels)}
                for name, iou, dice, edge, pixels in rows
            },
            "confusion": matrix.tolist(),
        }


def figure(value: float | Array) -> float | None:
    """A figure as a record holds it: a float, or None where there is none."""
    return None if np.isnan(value) else float(value)


meter = Meter
