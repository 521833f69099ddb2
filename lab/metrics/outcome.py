"""What a run did on each test example, by which it is compared with another. No Keras."""

from dataclasses import dataclass

import numpy as np

from lab.metrics import confusion

Array = np.ndarray


@dataclass(frozen=True)
class Outcome:
    """One run on N test examples.

    Attributes:
        hit, all: (N, P) of each example; the score is the mean over P of sums of the one over sums of the other. Of a
            classification P is 1: is it right, and 1. Of a segmentation, intersection and union of each class. Of
            numbers the error of each, and 1.
        each: (N,) how good each example is alone, higher is better; NaN where nothing can be said.
        truth, predicted: (N,) classes; None where answers are none.
        confidence: (N,) probability of the predicted class; None where answers have none, and where it was not kept.
        ids: (N,) names of the examples; None where the run did not leave them.
        sign: 1 where a higher score is better, -1 where a lower one is.
    """

    hit: Array
    all: Array
    each: Array
    truth: Array | None = None
    predicted: Array | None = None
    confidence: Array | None = None
    ids: Array | None = None
    sign: int = 1

    def __len__(self) -> int:
        return len(self.each)

    @property
    def score(self) -> float:
        return float(scored(self.hit.sum(axis=0), self.all.sum(axis=0)))


def scored(hit: Array, all_: Array) -> Array:
    """The score (...) of sums (..., P) over examples; what is nowhere among them has no part in the mean."""
    return confusion.mean(confusion.ratio(hit, all_))
