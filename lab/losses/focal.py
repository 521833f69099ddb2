from dataclasses import dataclass
from typing import Annotated

from lab.losses._pixelwise import Pixelwise
from lab.names import Between


@dataclass(frozen=True)
class Focal(Pixelwise):
    """Cross-entropy that counts easy pixels less, by (1 - p)^gamma.

    Lin et al. 2017, https://arxiv.org/abs/1708.02002; their alpha is the weights of the classes. In the
    log domain, unlike Keras' own, whose clipped probabilities give no gradient where p is below 1e-7.
    """

    gamma: Annotated[float, Between(0.0, 10.0)] = 2.0

    def each(self, targets, logits):
        from keras import ops

        log_p = ops.log_softmax(logits)
        # not below 1e-7: a power less than 1 has no derivative at 0
        easy = ops.power(ops.maximum(1 - ops.exp(log_p), 1e-7), self.gamma)
        return -ops.sum(targets * easy * log_p, axis=-1)
