from dataclasses import dataclass

from lab.losses._overlap import Overlap


@dataclass(frozen=True)
class Lovasz(Overlap):
    """Lovász-Softmax: the convex extension of the Jaccard loss to probabilities, over the classes present.

    Berman et al. 2018, https://arxiv.org/abs/1705.08790; targets are one-hot, not mixed.
    """

    def each(self, targets, probabilities):
        from keras import ops

        errors, truth = ops.transpose(ops.abs(targets - probabilities)), ops.transpose(targets)
        order = ops.argsort(-errors, axis=-1)
        errors, truth = ops.take_along_axis(errors, order, axis=-1), ops.take_along_axis(truth, order, axis=-1)
        # The Jaccard loss, 1 - intersection / union, of the first i pixels being wrong, minus that of the
        # first i - 1. A pixel of the class leaves the intersection, another one joins the union; said so
        # and not as a difference, which would lose all digits where classes have many pixels.
        size = ops.sum(truth, axis=-1, keepdims=True)
        intersection = size - ops.cumsum(truth, axis=-1)
        union = size + ops.cumsum(1 - truth, axis=-1)
        steps = truth / union + (1 - truth) * intersection / (union * ops.maximum(union - 1, 1))
        return ops.sum(errors * steps, axis=-1)
