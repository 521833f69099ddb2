"""What the losses share whose targets are numbers."""

from dataclasses import dataclass
from typing import Any

from lab.losses import Loss


@dataclass(frozen=True)
class OfNumbers(Loss):
    """The mean of `each` over examples and numbers."""

    of = "numbers"

    def __call__(self, targets, logits, weights=None):
        from keras import ops

        return ops.mean(self.each(logits - targets))

    def each(self, error: Any) -> Any:
        """Errors (N, P), in deviations of the training split, to the loss of each (N, P)."""
        raise TypeError(f"{self.name} has no each()")
