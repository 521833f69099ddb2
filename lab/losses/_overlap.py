"""What the losses share that have a value for each class: how truth and prediction overlap over the batch."""

from dataclasses import dataclass
from typing import Any

from lab.losses import Loss


@dataclass(frozen=True)
class Overlap(Loss):
    """The mean of `each` over the classes that the batch's targets have, every class with its weight.

    A class that the targets do not have overlaps with nothing, however good the prediction: it is left out.
    """

    def __call__(self, targets, logits, weights=None):
        from keras import ops

        classes = targets.shape[-1]
        targets = ops.reshape(targets, (-1, classes))
        counted = ops.sum(targets, axis=-1, keepdims=True)
        probabilities = counted * ops.softmax(ops.reshape(logits, (-1, classes)))
        share = ops.cast(ops.any(targets > 0, axis=0), "float32")
        share = share if weights is None else share * weights
        return ops.divide_no_nan(ops.sum(share * self.each(targets, probabilities)), ops.sum(share))

    def each(self, targets: Any, probabilities: Any) -> Any:
        """Targets and probabilities (P, K), both zero where ignored, to the loss of each class (K,)."""
        raise TypeError(f"{self.name} has no each()")
