from dataclasses import dataclass
from typing import Any

import numpy as np

from lab import losses
from lab.errors import BadInput
from lab.galleries import masks as gallery
from lab.inputs.data import IGNORED, eval_batches
from lab.metrics import boundary, confusion
from lab.metrics.outcome import Outcome
from lab.task import Column, Left, Task
from lab.tasks._classes import check_names, untaught

Array = np.ndarray


@dataclass(frozen=True)
class Segmentation(Task):
    """A class for each pixel."""

    score = "miou"
    called = "mIoU"
    limit = 1.0
    unit = "nats a pixel"
    figures = {
        "miou": "mIoU", "mdice": "mDice", "frequency_weighted_iou": "frequency-weighted IoU", "accuracy":
        "pixel accuracy", "boundary_f1": "boundary F1", "image_miou": "mean of the images' mIoU",
        "image_mdice": "mean of the images' mDice",
    }  # fmt: skip
    dataset = "scenes"
    head = "unet"
    reads = "pyramid"
    targets = "segmentation_masks"
    one = "masks"
    writes = "masks"
    submits = False
    stores = False  # probabilities of pixels are too many
    checked = 16  # a mask is as many answers as it has pixels
    costs = ("time s", "CPU ms an image", "GPU ms an image", "parameters, M", "GFLOPs", "MB")
    hub = (("image-segmentation", "mean_iou"), ("image-segmentation", "mean_iou"))

    @classmethod
    def columns(cls):
        return [
            Column("test mIoU", "test", "miou", 3, max),
            Column("test mDice", "test", "mdice", 3, max),
            Column("pixel accuracy", "test", "accuracy", 3, max),
            Column("boundary F1", "test", "boundary_f1", 3, max),
            Column("train mIoU", "train", "miou", 3),
        ]

    @classmethod
    def refuse(cls, run, strategy):
        """Refuses what has no meaning for a label each pixel."""
        if strategy.head == "source":
            raise BadInput(f"{strategy} reads labels off a source's classifier, which has one an image; use extract")
        if run.balance == "sampling":
            raise BadInput(
                "--balance sampling draws images by their one class; masks hold many: use soft_weights or weights"
            )
        if run.label_smoothing:
            raise BadInput("--label-smoothing is for one label an image; leave it out for segmentation")
        if run.explain:
            raise BadInput("--explain is for one label an image; a segmentation leaves a gallery of its masks")
        if run.augment is not None and "mixup" in run.augment:
            raise BadInput("--augment mixup adds up labels, which masks are not; use light, strong or cutmix")

    def check(self, data):
        """A data set with masks looks itself at whether their labels are in range."""
        check_names(data)
        if data.train.pixels is not None and data.test.pixels is not None:
            unseen = np.flatnonzero(data.test.pixels.any(axis=0) & ~data.train.pixels.any(axis=0))
            if len(unseen):
                raise untaught(data, unseen[0], data.test.pixels[:, unseen[0]] > 0)

    def encode(self, labels):
        """Masks (B, H, W) to targets (B, H, W, 1) int32; the loss makes them one-hot, on the device."""
        return labels[..., None].astype("int32")

    def frequencies(self, split):
        """Pixels of each class (K,)."""
        counts = np.zeros(256, "int64")
        for take, real in eval_batches(len(split), 64):
            counts += np.bincount(np.asarray(split.labels[take[:real]]).ravel(), minlength=256)
        return counts[: len(self.classes)]

    def loss(self, text, label_smoothing=0.0, weights=None):
        """The loss that a text such as `dice+focal` names, with the weights (K,) of the classes."""
        return losses.built(text, len(self.classes), weights)

    def metrics(self):
        from lab.tasks._pixel_accuracy import PixelAccuracy

        return [PixelAccuracy(name="accuracy")]

    def answered(self, outputs):
        """Logits (B, H, W, K) to probabilities (B, H, W, K) float32."""
        z = outputs.astype("float32")
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def last_layer(self):
        import keras

        return keras.layers.Softmax(dtype="float32", name=self.answers)

    def meter(self, closely=False):
        return Meter(self.classes, closely)

    def left(self, data, meters):
        """Beside the record each test image's scores; in the cache their masks, and the best and worst of them."""
        test = meters["test"]
        beside = {"ids": data.test.ids.astype("U")}
        beside |= {"iou": test.iou.astype("float32"), "dice": test.dice.astype("float32")}
        beside |= {n: of.astype("int32") for n, of in zip(("intersection", "union"), test.overlap, strict=True)}
        pictures = {"gallery": gallery.chosen(data, test.predicted, test.iou, test.pixels)}
        return Left(beside, {"test": {"predicted": test.predicted}}, pictures, compressed=True)

    @classmethod
    def outcomes(cls, files):
        """From before the pixels of each image were kept: the mean over images of their mIoU, of all runs then."""
        name = "miou" if all("union" in f for f in files) else "image_miou"
        called = {"miou": cls.called, "image_miou": "mean mIoU of the images"}[name]
        return name, called, [_outcome(f, name) for f in files]

    def card(self, root, record):
        from lab.exporting.model_card import Card, data_called, plain, table, weakest
        from lab.inference.masks import colours

        test, count, (height, width, _) = record["test"], len(self.classes), record["net"]["shape"]
        drawn = ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in colours(record)]
        rows = [[str(i), plain(c), f"`{d}`"] for i, (c, d) in enumerate(zip(self.classes, drawn, strict=True))]
        figures = {c: of["iou"] for c, of in test["per_class"].items()}
        pixels = {c: of["pixels"] for c, of in test["per_class"].items()}
        return Card(
            does=f"Tells {count} classes of {data_called(record)} apart",
            well=f"each pixel gets one of them, with a mIoU of {test['miou']:.3f} on {test['examples']:,} test images",
            answers=f"(N, {height}, {width}, {count}), in the order of `classes.txt`; those of a pixel add up to 1, "
            "and `probabilities.argmax(axis=-1)` are the masks.",
            lines=['classes = Path("classes.txt").read_text(encoding="utf-8").splitlines()'],
            same="same class, of pixels",
            meaning=f"{count} classes:\n\n" + table(["value", "class", "colour"], rows),
            unit="fractions from 0 to 1, the loss in nats a pixel; pixels labelled 255 count nowhere",
            weakest=weakest(["class", "IoU", "pixels"], figures, pixels),
            knows=f"knows its {count} classes only: shown anything else, it still names one of them for each pixel",
        )

    def heads(self):
        return [f"share {c}" for c in self.classes]

    def row(self, answer):
        return [f"{v:.6f}" for v in answer]

    def predicted(self, job, answers):
        """The share of pixels (K,) that each class has in each file; the masks are written where there is a folder."""
        from lab.inference import masks

        return masks.of_rasters(job) if job.bands else masks.of_pictures(job, answers())


def _outcome(file: Any, name: str) -> Outcome:
    each = confusion.mean(file["iou"].astype("float64"))
    if name == "miou":
        return Outcome(file["intersection"].astype("float64"), file["union"].astype("float64"), each, ids=file["ids"])
    known = np.isfinite(each)
    return Outcome(np.where(known, each, 0.0)[:, None], known[:, None].astype("float64"), each, ids=file["ids"])


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
