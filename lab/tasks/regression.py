from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.inputs.columns import LARGEST, numbers
from lab.metrics.outcome import Outcome
from lab.task import Column, Left, Task

Array = np.ndarray
SMALLEST = 1e-12  # of a column's largest number: what differs by less is one value


@dataclass(frozen=True)
class Regression(Task):
    """Numbers for each image, or for each row of a table.

    The network learns standardised numbers, by the mean and the deviation of the training split; figures are of the
    numbers themselves. Of several columns each figure is the plain mean, as scikit-learn has it (`uniform_average`):
    predict columns of one unit together. R2 is 1 less the squared error over that of the test split's own mean.
    """

    score = "mae"
    called = "MAE"
    sign = -1
    unit = "squared deviations"
    monitored = "r2"
    figures = {"mae": "MAE", "rmse": "RMSE", "r2": "R2"}
    dataset = "gauges"
    of_words = True
    minimised = "mse"
    labels = "numbers"
    answers = "values"
    one = "numbers for each image"
    hub = (("image-regression", "mae"), ("tabular-regression", "mae"))
    means = ("arithmetic",)

    numbers: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    @classmethod
    def columns(cls):
        return [
            Column("test MAE", "test", "mae", None, min),
            Column("test RMSE", "test", "rmse", None, min),
            Column("test R2", "test", "r2", 3, max),
            Column("train MAE", "train", "mae", None),
        ]

    @classmethod
    def of(cls, data):
        y = np.asarray(data.train.labels, "float64")
        deviation = y.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        return cls((), tuple(data.numbers), tuple(y.mean(axis=0).tolist()), tuple(deviation.tolist()))

    @classmethod
    def of_record(cls, record):
        said = record["net"]["task"]
        return cls((), tuple(record["data"]["numbers"]), tuple(said["mean"]), tuple(said["deviation"]))

    def record(self):
        return {"mean": list(self.mean), "deviation": list(self.deviation)}

    @classmethod
    def labelled(cls, rows, columns, where):
        """A number for each word.

        Raises:
            BadInput: one is none, or missing.
        """
        import pandas as pd

        if twice := [c for c in columns if list(columns).count(c) > 1]:
            raise BadInput(f"--target names {twice[0]} twice; name each column once")
        found = []
        for i, column in enumerate(columns):
            words = [row[i] for row in rows]
            values, _ = numbers(pd.Series(words, dtype="str"))
            if len(wrong := np.flatnonzero(~np.isfinite(values))):
                raise BadInput(
                    f"{where}: {len(wrong):,} of {len(rows):,} values of {column} are no numbers up to "
                    f"{LARGEST:g}, the first "
                    f"{words[wrong[0]]!r}; correct them, or leave these examples out"
                )
            found.append(values)
        return np.stack(found, axis=1), {"numbers": tuple(columns)}

    @classmethod
    def refuse(cls, run, strategy):
        if strategy.head == "source" or not strategy.trains:
            raise BadInput(
                f"{strategy} tells classes apart, and --task regression predicts numbers; use scratch, extract or "
                "finetune"
            )
        for flag, given, usual in (
            ("--balance", run.balance, "none"), ("--label-smoothing", run.label_smoothing, 0.0),
            ("--drop-classes", run.drop_classes, None), ("--explain", run.explain, False),
        ):  # fmt: skip
            if given != usual:
                raise BadInput(
                    f"{flag} is for labels that are classes, and --task regression predicts numbers; leave it out"
                )
        if run.augment is not None and "cutmix" in run.augment:
            raise BadInput(
                "--augment cutmix mixes labels by the share of a patch, which is no number's; use light or mixup"
            )
        if run.shots not in (None, "all") and "." not in run.shots:
            raise BadInput(f"--shots {run.shots} is of each class, and numbers have none; give a share, as 0.1")

    def check(self, data):
        for name, split in data.splits().items():
            if not np.isfinite(split.labels).all():
                raise BadInput(f"the {name} split has a label that is no finite number; correct it")
        labels = data.train.labels
        constant = (np.ptp(labels, axis=0) <= SMALLEST * np.abs(labels).max(axis=0)).nonzero()[0]
        if len(constant):
            raise BadInput(
                f"{self.numbers[constant[0]]} has one value in all training examples; there is nothing to learn"
            )

    @property
    def outputs(self):
        return len(self.numbers)

    def encode(self, labels):
        """Labels (N, P) to standardised targets (N, P) float32."""
        return ((labels - np.array(self.mean)) / np.array(self.deviation)).astype("float32")

    def loss(self, text, label_smoothing=0.0, weights=None):
        from lab.losses import built

        return built(text, None)

    def metrics(self):
        import keras

        deviation = np.array(self.deviation, "float32")

        def mae(targets, outputs):
            return keras.ops.mean(keras.ops.abs(targets - outputs) * deviation, axis=-1)

        return [keras.metrics.MeanMetricWrapper(mae, name="mae"), keras.metrics.R2Score(name="r2")]

    def answered(self, outputs):
        """What the network gives (N, P) to values (N, P) float64."""
        return outputs.astype("float64") * np.array(self.deviation) + np.array(self.mean)

    def last_layer(self):
        import keras

        return keras.layers.Rescaling(list(self.deviation), list(self.mean), dtype="float32", name=self.answers)

    def meter(self, closely=False):
        return Meter(self)

    def left(self, data, meters):
        """Beside the record, of the test split: truth and prediction; in the cache those of every split."""
        splits = {name: (np.concatenate(m.labels), np.concatenate(m.values)) for name, m in meters.items()}
        y, values = splits["test"]
        cached = {name: {"labels": y, "values": of} for name, (y, of) in splits.items()}
        return Left({"truth": y.astype("float64"), "values": values.astype("float64")}, cached)

    @classmethod
    def outcomes(cls, files):
        return cls.score, cls.called, [_outcome(f) for f in files]

    def guess(self, data):
        """Of the training mean: 1, since targets are standardised."""
        return 1.0

    def averaged(self, tables, mean):
        tables = list(tables)
        return np.mean([t.astype("float64") for t in tables], axis=0)

    def compared(self, expected, found):
        """In deviations of the training split; an answer agrees where it is within a hundredth of one."""
        difference = np.abs(expected - found) / np.array(self.deviation)
        return {"max_difference": float(difference.max()), "agreement": float((difference < 0.01).mean())}

    def card(self, root, record):
        from lab.exporting.model_card import Card, data_called, examples_are, plain, table

        test, several, said = record["test"], examples_are(record), ", ".join(map(plain, self.numbers))
        ranges = [
            [plain(n), f"{m:.4g}", f"{d:.4g}"] for n, m, d in zip(self.numbers, self.mean, self.deviation, strict=True)
        ]
        each = [
            [plain(n), *(f"{of[k]:.4g}" if of[k] is not None else "-" for k in ("mae", "rmse", "r2"))]
            for n, of in test["per_number"].items()
        ]
        return Card(
            does=f"Predicts {said} of {data_called(record)}",
            well=f"{test['mae']:.4g} off on average, of {test['examples']:,} test {several}",
            answers=f"(N, {self.outputs}): {said}, in their own units.",
            lines=[],
            same="same number, to a hundredth of its deviation",
            meaning="The numbers, in the training split:\n\n" + table(["number", "mean", "deviation"], ranges),
            unit="MAE and RMSE in the numbers' own units, R2 is 1 at best, the loss in squared deviations",
            weakest="Each number, on the test split:\n\n" + table(["number", "MAE", "RMSE", "R2"], each),
            knows="gives numbers for anything that it is shown, and says nothing of how sure it is",
        )

    def heads(self):
        return list(self.numbers)

    def row(self, answer):
        return [f"{v:.6g}" for v in answer]

    def line(self, answer, top):
        return ", ".join(f"{name} {v:.6g}" for name, v in zip(self.numbers, answer, strict=True))

    def submission(self, target):
        return list(self.numbers)

    def submitted(self, answer, named):
        return self.row(answer)


class Meter:
    """MAE, RMSE and R2, of each number and the mean over them, by all values."""

    def __init__(self, task: Regression):
        self.task = task
        self.labels: list[Array] = []
        self.values: list[Array] = []

    def update(self, labels: Array, answers: Array) -> None:
        self.labels.append(np.asarray(labels, "float64"))
        self.values.append(answers)

    def result(self) -> dict[str, Any]:
        """In the numbers' own units; the loss is the mean squared error of standardised numbers.

        Of a split whose numbers are all the same there is no R2 (None).
        """
        y, values = np.concatenate(self.labels), np.concatenate(self.values)
        error = values - y
        squared, total = (error**2).mean(axis=0), y.var(axis=0)
        r2 = 1 - np.divide(squared, total, out=np.full_like(total, np.nan), where=total > 0)
        each = {"mae": np.abs(error).mean(axis=0), "rmse": np.sqrt(squared), "r2": r2}
        return {
            "examples": len(y),
            **{name: _figure(of.mean()) for name, of in each.items()},
            "loss": float((squared / np.array(self.task.deviation) ** 2).mean()),
            "per_number": {
                number: {name: _figure(of[i]) for name, of in each.items()}
                for i, number in enumerate(self.task.numbers)
            },
        }


def _figure(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _outcome(file: Any) -> Outcome:
    error = np.abs(file["values"] - file["truth"]).astype("float64")
    return Outcome(error, np.ones_like(error), -error.mean(axis=1), sign=-1)
