from dataclasses import dataclass
from typing import Annotated

from lab.losses._overlap import Overlap
from lab.names import Between


@dataclass(frozen=True)
class Tversky(Overlap):
    """One minus the soft Tversky index: alpha weighs false positives, beta false negatives.

    Salehi et al. 2017, https://arxiv.org/abs/1706.05721; their best values, which favour recall, are the defaults.
    """

    alpha: Annotated[float, Between(0.0, 10.0)] = 0.3
    beta: Annotated[float, Between(0.0, 10.0)] = 0.7

    def each(self, targets, probabilities):
        from keras import ops

        # not keras.losses.tversky: in 3.15 its alpha weighs false negatives (keras-team/keras, 23333)
        hit = ops.sum(targets * probabilities, axis=0)
        false_positive = ops.sum(probabilities, axis=0) - hit
        false_negative = ops.sum(targets, axis=0) - hit
        return 1 - ops.divide_no_nan(hit, hit + self.alpha * false_positive + self.beta * false_negative)
