"""What is learnt: how labels become targets, what is minimised, what is measured. One file, one task."""

from typing import Any, Protocol

SCORES = {"classification": "accuracy", "segmentation": "miou"}  # what compares runs and chooses an epoch
CALLED = {"accuracy": "accuracy", "miou": "mIoU"}


def score(record: dict[str, Any], split: str) -> float:
    """A finished run's score on a split."""
    return record[split][SCORES[record["choices"]["task"]]]


def score_name(record: dict[str, Any]) -> str:
    """What the score of a run's task is called."""
    return CALLED[SCORES[record["choices"]["task"]]]


class Meter(Protocol):
    """Adds up predictions over a split, a batch at a time, and then says how good they were."""

    def update(self, labels: Any, probabilities: Any) -> None: ...

    def result(self) -> dict[str, Any]: ...


class Task(Protocol):
    """A task is a module with these functions.

    | function | classification |
    |---|---|
    | outputs(data) | number of classes K |
    | encode(labels, outputs) | (N,) to one-hot (N, K) float32, so that targets can be mixed |
    | loss(), metrics() | Keras', on logits |
    | probabilities(logits) | softmax, in NumPy |
    | meter(classes) | a `Meter` |
    | SCORE | name of the meter's figure that chooses the epoch; higher is better |
    """

    SCORE: str

    def outputs(self, data: Any) -> int: ...

    def encode(self, labels: Any, outputs: int) -> Any: ...

    def loss(self) -> Any: ...

    def metrics(self) -> list[Any]: ...

    def probabilities(self, logits: Any) -> Any: ...

    def meter(self, classes: tuple[str, ...]) -> Meter: ...
