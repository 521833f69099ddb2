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

    | function | classification | segmentation |
    |---|---|---|
    | outputs(data) | number of classes K | the same |
    | encode(labels, outputs) | (N,) to one-hot (N, K) float32, so that targets can be mixed | to (N, H, W, 1) int32 |
    | frequencies(split, classes) | examples of each class (K,) | pixels of each class (K,) |
    | loss(text, K, smoothing, weights), metrics() | Keras', on logits | a sum of `lab.losses`; accuracy of pixels |
    | probabilities(logits) | softmax, in NumPy | the same |
    | meter(classes) | a `Meter` | the same; it keeps no probabilities |
    | last_meter(classes) | the same | also measures boundaries and keeps the masks, for the test split at the end |
    | keep(root, experiment, name, data, meters) | leaves labels, probabilities, images | scores, masks, images |
    | SCORE | name of the meter's figure that chooses the epoch; higher is better | the same |
    | TARGETS | what Keras' augmentation layers call the targets | the same |
    """

    SCORE: str
    TARGETS: str

    def outputs(self, data: Any) -> int: ...

    def encode(self, labels: Any, outputs: int) -> Any: ...

    def frequencies(self, split: Any, classes: tuple[str, ...]) -> Any: ...

    def loss(self, text: str, classes: int, label_smoothing: float = 0.0, weights: Any = None) -> Any: ...

    def metrics(self) -> list[Any]: ...

    def probabilities(self, logits: Any) -> Any: ...

    def meter(self, classes: tuple[str, ...]) -> Meter: ...

    def last_meter(self, classes: tuple[str, ...]) -> Meter: ...

    def keep(self, root: Any, experiment: str, name: str, data: Any, meters: dict[str, Any]) -> None: ...
