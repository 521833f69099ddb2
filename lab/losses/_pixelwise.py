"""What the losses share that have a value for each pixel (or image)."""

from dataclasses import dataclass
from typing import Any

from lab.losses import Loss


@dataclass(frozen=True)
class Pixelwise(Loss):
    """The mean of `each` over what is not ignored, every pixel with the weight of its class."""

    def __call__(self, targets, logits, weights=None):
        from keras import ops

        share = ops.sum(targets if weights is None else targets * weights, axis=-1)
        # also times 0 where ignored: TensorFlow's gradient of cross-entropy supposes that targets sum to 1
        return ops.divide_no_nan(ops.sum(share * self.each(targets, logits)), ops.sum(share))

    def each(self, targets: Any, logits: Any) -> Any:
        """Targets and logits (..., K) to the loss of each pixel (...)."""
        raise TypeError(f"{self.name} has no each()")
