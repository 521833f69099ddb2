"""What a task is: how labels become targets, what is minimised, measured, left, shown and written. No Keras.

The core knows this contract alone; a task is one file in `lab/tasks`, found by its name, and may use the whole house.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np

from lab import names
from lab.errors import BadInput
from lab.inputs.data import filled
from lab.metrics.outcome import Outcome
from lab.names import Named

Array = np.ndarray
Record = dict[str, Any]


class Meter(Protocol):
    """Adds up answers over a split, a batch at a time, and then says how good they were."""

    def update(self, labels: Any, answers: Any) -> None: ...

    def result(self) -> dict[str, Any]:
        """The figures that a record holds of a split: `examples`, the task's `score`, `loss` and whatever else."""
        ...


class Column(NamedTuple):
    """A column of the results: a figure of a split, its decimal places (None: four digits), which end of it is good."""

    title: str
    split: str
    figure: str
    places: int | None
    best: Callable | None = None


@dataclass(frozen=True)
class Left:
    """What a finished run leaves beside its record and in the cache.

    Attributes:
        beside: arrays of the test split, which are committed: what `Task.outcomes` reads.
        cached: arrays of each split; one of many megabytes may come in parts, to be written one behind the other.
        pictures: what the report draws of it, by name: a `lab.galleries.kept.Kept` each.
        compressed: whether it pays to compress what is cached.
    """

    beside: Mapping[str, Array]
    cached: Mapping[str, Mapping[str, Array | list[Array]]] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)
    compressed: bool = False


@dataclass(frozen=True)
class Task(Named):
    """A task, made for a data set.

    | tensor | classification | segmentation | regression |
    |---|---|---|---|
    | labels of a split | (N,) int64 | (N, H, W) uint8 | (N, P) float64 |
    | targets, `encode(labels)` | one-hot (N, K) float32 | (N, H, W, 1) int32 | standardised (N, P) float32 |
    | what the network gives | logits (N, K) | logits (N, H, W, K) | (N, P) |
    | answers, `answered(...)` | probabilities (N, K) | probabilities (N, H, W, K) | values (N, P) |

    Attributes:
        score: the figure that compares runs and chooses an epoch. called: what pages call it.
        sign: 1 where a higher score is better, -1 where a lower one is.
        limit: the best that a score can be, where a curve's axis ends; None: there is none.
        unit: of the loss.
        monitored: a figure of 1 at best that training reports, too: stale statistics are seen by it.
        figures: what pages call the other figures.
        dataset, head, minimised: what a run learns from, with and by, where it does not say.
        reads: what its heads take of the backbone: its output, or its pyramid.
        labels: what they are: classes or numbers, as `lab.losses` has it.
        of_words: whether the labels in a user's files can be words: those of `labelled`.
        targets: what Keras' augmentation layers call the targets.
        answers: what an answer is called in files, and `one`: what it is in a sentence.
        writes: what `lab.predict --to-dir` writes of each example; None: nothing.
        submits: whether an example has one answer, for a submission.
        stores: whether all answers are kept, so that an ensemble opens no member; else it reads the data again.
        checked: how many answers an export is compared by.
        costs: columns of costs that its results have; see `lab.report.table`.
        hub: the task and the metric in Hugging Face's words, for images and for rows of a table.
        means: how ensembles may average answers.
    """

    score: ClassVar[str]
    called: ClassVar[str]
    sign: ClassVar[Literal[1, -1]] = 1
    limit: ClassVar[float | None] = None
    unit: ClassVar[str] = ""
    monitored: ClassVar[str] = "accuracy"
    figures: ClassVar[Mapping[str, str]] = {}
    dataset: ClassVar[str]
    head: ClassVar[str] = "linear"
    minimised: ClassVar[str] = "cross_entropy"
    reads: ClassVar[Literal["features", "pyramid"]] = "features"
    labels: ClassVar[str] = "classes"
    of_words: ClassVar[bool] = False
    targets: ClassVar[str] = "labels"
    answers: ClassVar[str] = "probabilities"
    one: ClassVar[str]
    writes: ClassVar[str | None] = None
    submits: ClassVar[bool] = True
    stores: ClassVar[bool] = True
    checked: ClassVar[int] = 128
    costs: ClassVar[tuple[str, ...]] = ("time s",)
    hub: ClassVar[tuple[tuple[str, str], tuple[str, str]]]
    means: ClassVar[tuple[str, ...]] = ("geometric", "arithmetic")

    classes: tuple[str, ...] = ()

    # Made for data

    @classmethod
    def of(cls, data: Any) -> "Task":
        """For a `lab.inputs.data.Data`."""
        return cls(tuple(data.classes))

    @classmethod
    def of_record(cls, record: Record) -> "Task":
        """As it was made for a recorded run."""
        return cls(tuple(record["data"]["classes"]))

    def record(self) -> Record:
        """What `of_record` needs beside the record's data; JSON-able."""
        return {}

    @classmethod
    def columns(cls) -> list[Column]:
        """Of the results, the one first that rows are ordered by."""
        return [
            Column(f"test {cls.called}", "test", cls.score, 3, max if cls.sign > 0 else min),
            Column("test loss", "test", "loss", 2, min),
            Column(f"train {cls.called}", "train", cls.score, 3),
            Column("train loss", "train", "loss", 2),
        ]

    @classmethod
    def goodness(cls, figures: Mapping[str, Any]) -> float:
        """The score among a split's figures, with its sign: higher is better."""
        return cls.sign * figures[cls.score]

    # Learnt

    @classmethod
    def labelled(
        cls, rows: Sequence[Sequence[str]], columns: Sequence[str], where: str
    ) -> tuple[Array, dict[str, Any]]:
        """(labels (N, ...), what else a `Data` says of them) of the words that a user's files have for labels.

        Only of a task `of_words`. A row has a word for each of the columns.

        Raises:
            BadInput: such words are no labels of this task.
        """
        raise TypeError(f"{cls.__name__} has no labelled()")

    @classmethod
    def refuse(cls, run: Any, strategy: Any) -> None:
        """Refuses choices of a run that have no meaning here.

        Raises:
            BadInput: says what to take instead.
        """

    def check(self, data: Any) -> None:
        """Refuses data that this cannot be learnt from.

        Raises:
            BadInput: says what is wrong with them.
        """

    @property
    def outputs(self) -> int:
        """How many numbers the network gives, at each place."""
        return len(self.classes)

    def encode(self, labels: Array) -> Array:
        """Labels of a batch to targets."""
        raise TypeError(f"{self.name} has no encode()")

    def frequencies(self, split: Any) -> Array | None:
        """How often each class is there (K,); None where there are none, so that nothing can be balanced."""
        return None

    def loss(self, text: str, label_smoothing: float = 0.0, weights: Any = None) -> Any:
        """The `keras.losses.Loss` of a text such as `dice+focal`, with weights (K,) of the classes."""
        raise TypeError(f"{self.name} has no loss()")

    def metrics(self) -> list[Any]:
        """What Keras measures while it trains."""
        return []

    def answered(self, outputs: Array) -> Array:
        """What the network gives, in NumPy, to answers."""
        raise TypeError(f"{self.name} has no answered()")

    def last_layer(self) -> Any:
        """The Keras layer that does the same in an exported network."""
        raise TypeError(f"{self.name} has no last_layer()")

    # Measured, left, compared

    def meter(self, closely: bool = False) -> Meter:
        """A fresh one; `closely` at the end, of the test split: what it takes to leave and to draw something."""
        raise TypeError(f"{self.name} has no meter()")

    def left(self, data: Any, meters: Mapping[str, Any]) -> Left:
        """What a run leaves; `data` is None for an ensemble that was put together without them."""
        raise TypeError(f"{self.name} has no left()")

    @classmethod
    def outcomes(cls, files: Sequence[Mapping[str, Array]]) -> tuple[str, str, list[Outcome]]:
        """(the figure that they add up to, what that is called, an outcome each) of what runs left beside records."""
        raise TypeError(f"{cls.__name__} has no outcomes()")

    def guess(self, data: Any) -> float | None:
        """The loss, as figures have it, of always saying how often each class is there; None where nothing is known."""
        counts = self.frequencies(data.train)
        if counts is None:
            return None
        shares = counts[counts > 0] / counts.sum()
        return float(-(shares * np.log(shares)).sum())

    # Used

    def card(self, root: Any, record: Record) -> Any:
        """What a model card says of this task, a `lab.exporting.model_card.Card`.

        Raises:
            BadInput: it says nothing yet, so that runs of it are not exported.
        """
        raise BadInput(f"--task {self.name} has no model card, and nothing is exported without one")

    def averaged(self, tables: Iterable[Array], mean: str) -> Array:
        """Answers of several members to their mean, one member at a time."""
        return average(tables, mean)

    def compared(self, expected: Array, found: Array) -> dict[str, float]:
        """How far answers (n, ...) of an exported network are from the run's: `max_difference`, and `agreement`."""
        same = float((expected.argmax(axis=-1) == found.argmax(axis=-1)).mean())
        return {"max_difference": float(np.abs(expected - found).max()), "agreement": same}

    def predicted(self, job: Any, answers: Callable[[], Iterator[Array]]) -> Iterator[Array]:
        """What is shown of each file of a `lab.inference.predicting.Job`: its answer, or what that comes to.

        Where the task `writes` something and the job has a folder for it, that is written on the way.
        """
        return answers()

    def heads(self) -> list[str]:
        """Of the columns of `lab.predict --csv` behind the example's name."""
        raise TypeError(f"{self.name} has no heads()")

    def row(self, answer: Array) -> list[str]:
        """What is shown of an example in these columns."""
        raise TypeError(f"{self.name} has no row()")

    def line(self, answer: Array, top: int) -> str:
        """The same as it is printed, the likeliest `top` of it."""
        return ", ".join(f"{self.classes[i]} {answer[i]:.3f}" for i in answer.argsort()[::-1][:top] if answer[i] > 0)

    def submission(self, target: str | None) -> list[str]:
        """Of the columns of `lab.predict --submission` behind the example's name; `target` is a table's column."""
        raise TypeError(f"{self.name} has no submission()")

    def submitted(self, answer: Array, named: bool) -> list[str]:
        """An answer in these columns: by its name, or by its number."""
        raise TypeError(f"{self.name} has no submitted()")


def average(tables: Iterable[Array], mean: str) -> Array:
    """Probabilities (..., K) of each member to their mean float64, rows of which add up to 1; one member at a time."""
    total: Any = 0.0
    count = 0
    for table in tables:
        p = table.astype("float64")
        total, count = total + (p if mean == "arithmetic" else np.log(np.maximum(p, 1e-12))), count + 1
    if mean == "arithmetic":
        return np.asarray(total / count)
    product = np.exp(total / count)
    return product / product.sum(axis=-1, keepdims=True)


@cache
def kind(name: str) -> type[Task]:
    """The class of a task.

    Raises:
        BadInput: there is none of that name.
    """
    return names.find("tasks", name)


def kind_of(record: Record) -> type[Task]:
    """The class of a recorded run's task."""
    return kind(record["choices"]["task"])


def of_record(record: Record) -> Task:
    """A recorded run's task."""
    return kind_of(record).of_record(record)


def checked(data: Any, name: str) -> Any:
    """The data, if a network can learn the task from them and be tested.

    Raises:
        BadInput: an empty split, or what the task refuses.
    """
    kind(name).of(filled(data)).check(data)
    return data


def score(record: Record, split: str) -> float:
    """A finished run's score on a split."""
    return record[split][kind_of(record).score]


def goodness(record: Record, split: str) -> float:
    """The same with its sign: higher is better."""
    return kind_of(record).goodness(record[split])


def score_name(record: Record) -> str:
    """What the score of a run's task is called."""
    return kind_of(record).called
