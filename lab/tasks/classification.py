from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lab.errors import BadInput
from lab.galleries import labels as surest
from lab.inputs.data import in_order
from lab.metrics.outcome import Outcome
from lab.task import Left, Task
from lab.tasks._classes import check_names, untaught

Array = np.ndarray


@dataclass(frozen=True)
class Classification(Task):
    """A class for each image, or for each row of a table."""

    score = "accuracy"
    called = "accuracy"
    limit = 1.0
    unit = "nats"
    figures = {"top5": "top-5 accuracy", "macro_f1": "macro F1"}
    dataset = "signs"
    of_words = True
    one = "a class for each image"
    hub = (("image-classification", "accuracy"), ("tabular-classification", "accuracy"))

    @classmethod
    def labelled(cls, rows, columns, where):
        """A class for each word that occurs; numbers are in their own order where all are."""
        if len(columns) > 1:
            raise BadInput(f"{where}: an example has one class; received the columns {', '.join(columns)}; name one")
        words = [word for (word,) in rows]
        classes = in_order(set(words))
        number = {c: i for i, c in enumerate(classes)}
        return np.array([number[w] for w in words], "int64"), {"classes": tuple(classes)}

    def check(self, data):
        check_names(data)
        for name, split in data.splits().items():
            low, high = int(split.labels.min()), int(split.labels.max())
            if low < 0 or high >= len(data.classes):
                raise BadInput(
                    f"the {name} split has a label {low if low < 0 else high}; labels are 0 to {len(data.classes) - 1}"
                )
        if unseen := sorted(set(data.test.labels.tolist()) - set(data.train.labels.tolist())):
            raise untaught(data, unseen[0], data.test.labels == unseen[0])

    def encode(self, labels):
        """Labels (N,) to one-hot targets (N, K) float32, so that they can be mixed."""
        return np.eye(self.outputs, dtype="float32")[labels]

    def frequencies(self, split):
        """Examples of each class (K,)."""
        return np.bincount(split.labels, minlength=len(self.classes))

    def loss(self, text, label_smoothing=0.0, weights=None):
        """Of a name in lab.losses; smoothed targets as Szegedy et al. 2016, https://arxiv.org/abs/1512.00567.

        With weights (K,) each example's loss is multiplied by its class's, as Keras' `class_weight` does.
        """
        import keras

        from lab.losses import built

        class Weighted(keras.losses.CategoricalCrossentropy):
            def __call__(self, y_true, y_pred, sample_weight=None):
                return super().__call__(y_true, y_pred, keras.ops.sum(y_true * weights, axis=-1))

        if text != "cross_entropy":
            return built(text, len(self.classes), None if weights is None else weights.tolist())
        kind = keras.losses.CategoricalCrossentropy if weights is None else Weighted
        return kind(from_logits=True, label_smoothing=label_smoothing)

    def metrics(self):
        import keras

        return [keras.metrics.CategoricalAccuracy(name="accuracy")]

    def answered(self, outputs):
        """Logits (N, K) to probabilities (N, K) float64."""
        z = outputs.astype("float64")
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def last_layer(self):
        import keras

        return keras.layers.Softmax(dtype="float32", name=self.answers)

    def meter(self, closely=False):
        return Meter(self.classes)

    def left(self, data, meters):
        """Beside the record: labels, predicted classes and their probability, probability of the truth. In the cache
        all probabilities, for ensembles and comparisons, and the surest images."""
        test = meters["test"].seen
        beside = {
            "labels": test.labels.astype("int32"), "predicted": test.predicted.astype("int32"),
            "p_true": test.true.astype("float32"), "confidence": test.sure.astype("float32"),
        }  # fmt: skip
        cached = {
            name: {"labels": meter.seen.labels.astype("int32"), "probabilities": meter.answers}
            for name, meter in meters.items()
        }
        has_images = data is not None and not data.table  # an ensemble's are put together without them
        return Left(beside, cached, {"surest": surest.chosen(data, test.predicted, test.sure)} if has_images else {})

    @classmethod
    def outcomes(cls, files):
        return cls.score, cls.called, [_outcome(f) for f in files]

    def card(self, root, record):
        from lab.exporting.model_card import Card, data_called, examples, examples_are, plain, weakest

        test, count, several = record["test"], len(self.classes), examples_are(record)
        return Card(
            does=f"Tells {count} classes of {data_called(record)} apart",
            well=f"{test['accuracy']:.1%} of {test['examples']:,} test {several} are right",
            answers=f"(N, {count}), in the order of `classes.txt`; a row adds up to 1.",
            lines=['classes = Path("classes.txt").read_text(encoding="utf-8").splitlines()'],
            same="same class",
            meaning=f"{count} classes: {', '.join(map(plain, self.classes))}.",
            unit="fractions from 0 to 1, the loss in nats",
            weakest=weakest(["class", "accuracy", "examples"], test["per_class"], examples(root, record)),
            knows=f"knows its {count} classes only: shown anything else, it still names one of them",
        )

    def heads(self):
        return ["class_id", "class", "probability", *(f"p {c}" for c in self.classes)]

    def row(self, answer):
        i = int(answer.argmax())
        return [str(i), self.classes[i], f"{answer[i]:.6f}", *(f"{v:.6f}" for v in answer)]

    def submission(self, target):
        return [target or "ClassId"]

    def submitted(self, answer, named):
        i = int(answer.argmax())
        return [self.classes[i] if named else str(i)]


def _outcome(file: Any) -> Outcome:
    right = (file["labels"] == file["predicted"]).astype("float64")
    confidence = file.get("confidence")
    return Outcome(right[:, None], np.ones((len(right), 1)), right, file["labels"], file["predicted"], confidence)


class Seen(NamedTuple):
    """Of each example (N,): its label, the likeliest class, that one's probability and the label's, whether the label
    is among the five likeliest.
    """

    labels: Array
    predicted: Array
    sure: Array
    true: Array
    in_five: Array


class Meter:
    """Accuracy, cross-entropy, top-5, macro F1 and per-class accuracy.

    Of many classes all probabilities are most of what a run remembers, so they are kept once, as files have them.

    Attributes:
        answers: probabilities of each batch (B, K) float32.
    """

    def __init__(self, classes: tuple[str, ...]):
        self.classes = classes
        self.answers: list[Array] = []
        self._seen: list[Seen] = []

    def update(self, labels: Array, p: Array) -> None:
        true = p[np.arange(len(labels)), labels]
        in_five = (p > true[:, None]).sum(axis=1) < 5
        self._seen.append(Seen(labels, p.argmax(axis=1), p.max(axis=1), true, in_five))
        self.answers.append(p.astype("float32"))

    @property
    def seen(self) -> Seen:
        return Seen(*map(np.concatenate, zip(*self._seen, strict=True)))

    @property
    def probabilities(self) -> Array:
        return np.concatenate(self.answers)

    def result(self) -> dict[str, Any]:
        """Fractions from 0 to 1; the loss in nats. A class without examples has no accuracy (None) and no F1."""
        y, guess, _, true, in_five = self.seen
        right, count = y == guess, len(self.classes)
        # a source that reads labels off its own outputs may guess one that is no class
        hits, there, guessed = (np.bincount(some, minlength=count)[:count] for some in (y[right], y, guess))
        present = np.flatnonzero(there)
        f1 = 2 * hits[present] / (there + guessed)[present]
        return {
            "examples": len(y),
            "accuracy": float(right.mean()),
            "loss": float(-np.log(np.maximum(true, 1e-12)).mean()),
            "top5": float(in_five.mean()),
            "macro_f1": float(f1.mean()),
            "per_class": {c: float(hits[i] / there[i]) if there[i] else None for i, c in enumerate(self.classes)},
        }
