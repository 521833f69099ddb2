"""Whether a classifier is right as often as it says. No Keras."""

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Of each bin of confidence that has examples: their number, mean confidence, and share that is right."""

    count: Array
    confidence: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """Expected calibration error: the mean gap of the two over all examples."""
        return float((self.count * np.abs(self.accuracy - self.confidence)).sum() / self.count.sum())


def reliability(confidence: Array, right: Array, bins: int = BINS) -> Reliability:
    """In bins of equal width, of N examples; Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2."""
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, weights=of, minlength=bins)[count > 0] for of in (confidence, right))
    return Reliability(count[count > 0], *(of / count[count > 0] for of in sums))
