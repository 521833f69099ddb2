"""What is learnt: how labels become targets, what is minimised, what is measured. One file, one task."""

from typing import Any, Protocol


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
    | loss(), metrics() | Keras', on logits | a sum of `lab.losses`; accuracy of pixels |
    | probabilities(logits) | softmax, in NumPy | the same |
    | meter(classes) | a `Meter` | the same; it keeps masks, not probabilities |
    | SCORE | name of the meter's figure that chooses the epoch; higher is better | the same |
    """

    SCORE: str

    def outputs(self, data: Any) -> int: ...

    def encode(self, labels: Any, outputs: int) -> Any: ...

    def loss(self) -> Any: ...

    def metrics(self) -> list[Any]: ...

    def probabilities(self, logits: Any) -> Any: ...

    def meter(self, classes: tuple[str, ...]) -> Meter: ...
