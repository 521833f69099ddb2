from dataclasses import dataclass

from lab.losses._pixelwise import Pixelwise


@dataclass(frozen=True)
class CrossEntropy(Pixelwise):
    """Minus the log of the true class's probability, averaged over pixels.

    For each pixel as in Long et al. 2015, https://arxiv.org/abs/1411.4038.
    """

    def each(self, targets, logits):
        import keras

        return keras.losses.categorical_crossentropy(targets, logits, from_logits=True)
