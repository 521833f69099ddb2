"""A fifth task in one file, for tests/test_tasks.py: one number an image, learnt by Keras' own mean squared error."""

from dataclasses import dataclass

import numpy as np

from lab.metrics.outcome import Outcome
from lab.task import Left, Task


@dataclass(frozen=True)
class OneNumber(Task):
    """One number for each image."""

    score = "rmse"
    called = "RMSE"
    sign = -1
    monitored = "nothing"
    dataset = "gauges"
    minimised = "mse"
    labels = "numbers"
    of_words = True
    answers = "values"
    one = "a number for each image"

    @classmethod
    def of(cls, data):
        return cls()

    @classmethod
    def labelled(cls, rows, columns, where):
        return np.array([[float(word)] for (word,) in rows]), {"numbers": tuple(columns)}

    outputs = 1

    def encode(self, labels):
        return np.asarray(labels, "float32")

    def loss(self, text, label_smoothing=0.0, weights=None):
        import keras

        return keras.losses.MeanSquaredError()

    def metrics(self):
        import keras

        return [keras.metrics.MeanMetricWrapper(lambda y, p: y[..., 0] * 0, name="nothing")]

    def answered(self, outputs):
        return outputs.astype("float64")

    def meter(self, closely=False):
        return Meter()

    def left(self, data, meters):
        return Left({"error": meters["test"].errors()})

    @classmethod
    def outcomes(cls, files):
        found = [np.abs(f["error"]) for f in files]
        return "mae", "MAE", [Outcome(e[:, None], np.ones((len(e), 1)), -e, sign=-1) for e in found]


class Meter:
    def __init__(self):
        self.all = []

    def update(self, labels, answers):
        self.all.append((answers - labels)[:, 0])

    def errors(self):
        return np.concatenate(self.all)

    def result(self):
        e = self.errors()
        rmse, mae = float(np.sqrt((e**2).mean())), float(np.abs(e).mean())
        return {"examples": len(e), "rmse": rmse, "mae": mae, "loss": float((e**2).mean()), "nothing": 0.0}
