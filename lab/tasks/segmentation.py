"""One label a pixel. Metrics from a confusion matrix, which is all that a whole split's pixels leave in memory."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lab import losses
from lab.galleries import masks
from lab.inputs.data import IGNORED, eval_batches
from lab.metrics import boundary, confusion
from lab.records import artifacts, predictions
from lab.tasks import SCORES

Array = np.ndarray
SCORE = SCORES["segmentation"]
TARGETS = "segmentation_masks"  # what Keras' augmentation layers call them


def outputs(data: Any) -> int:
    return len(data.classes)


def encode(labels: Array, outputs: int) -> Array:
    """Masks (B, H, W) to targets (B, H, W, 1) int32; the loss makes them one-hot, on the device."""
    return labels[..., None].astype("int32")


def frequencies(split: Any, classes: tuple[str, ...]) -> Array:
    """Pixels of each class (K,)."""
    counts = np.zeros(256, "int64")
    for take, real in eval_batches(len(split), 64):
        counts += np.bincount(np.asarray(split.labels[take[:real]]).ravel(), minlength=256)
    return counts[: len(classes)]


def loss(text: str, classes: int, label_smoothing: float = 0.0, weights: Sequence[float] | None = None) -> Any:
    """The loss that a text such as `dice+focal` names, with the weights (K,) of the classes; nothing smooths masks."""
    return losses.built(text, classes, weights)


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

    Of each image it keeps a row of scores, not the probabilities.

    Args:
        closely: also keep the predicted masks and measure the boundaries, which takes memory and time.
    """

    def __init__(self, classes: tuple[str, ...], closely: bool = False):
        self.classes, self.closely = classes, closely
        self.confusion = np.zeros((len(classes), len(classes)), np.int64)
        self._nats = 0.0
        self._predicted: list[Array] = []
        self._pixels: list[Array] = []
        self._hit: list[Array] = []
        self._union: list[Array] = []
        self._dice: list[Array] = []
        self._boundary: list[Array] = []

    def update(self, labels: Array, probabilities: Array) -> None:
        """Adds masks (B, H, W) uint8 and probabilities (B, H, W, K)."""
        predicted, counted = probabilities.argmax(axis=-1).astype("uint8"), labels != IGNORED
        matrices = confusion.matrices(labels, predicted, len(self.classes))
        truth = probabilities[counted, labels[counted]]
        self.confusion += matrices.sum(axis=0)
        self._nats -= float(np.log(np.maximum(truth, 1e-12)).sum(dtype="float64"))
        self._pixels.append(matrices.sum(axis=2))
        hit, union = confusion.overlap(matrices)
        self._hit.append(hit)
        self._union.append(union)
        self._dice.append(confusion.dice(matrices))
        if self.closely:
            self._predicted.append(predicted)
            self._boundary.append(boundary.f1(labels, predicted, len(self.classes)))

    @property
    def predicted(self) -> Array:
        """The masks that were predicted (N, H, W) uint8."""
        return np.concatenate(self._predicted)

    @property
    def pixels(self) -> Array:
        """Each image's pixels of each class (N, K), in its true mask."""
        return np.concatenate(self._pixels)

    @property
    def overlap(self) -> tuple[Array, Array]:
        """Each image's intersection and union of each class, in pixels (N, K) and (N, K)."""
        return np.concatenate(self._hit), np.concatenate(self._union)

    @property
    def iou(self) -> Array:
        """Each image's IoU of each class (N, K); NaN where neither mask has the class."""
        return confusion.ratio(*self.overlap)

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
        matrix = self.confusion
        edges = confusion.mean(self.boundary_f1, axis=0) if self.closely else np.full(len(self.classes), np.nan)
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
last_meter = partial(Meter, closely=True)


def keep(root: Path, experiment: str, name: str, data: Any, meters: dict[str, Meter]) -> None:
    """Leaves the test images' scores beside the record; their masks, and the best and worst of them, in the cache."""
    test = meters["test"]
    scores = {"iou": test.iou.astype("float32"), "dice": test.dice.astype("float32")}
    scores |= {n: of.astype("int32") for n, of in zip(("intersection", "union"), test.overlap, strict=True)}
    predictions.write_masks(root, experiment, name, data.test.ids, scores, test.predicted)
    chosen = masks.chosen(data, test.predicted, test.iou, test.pixels)
    chosen.write(artifacts.path_of(root, experiment, name, "gallery"))
