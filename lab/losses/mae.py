from dataclasses import dataclass

from lab.losses._numbers import OfNumbers


@dataclass(frozen=True)
class Mae(OfNumbers):
    """The absolute error of standardised numbers: it predicts their median, which outliers do not move.

    Hastie et al. 2009, section 10.6, https://hastie.su.domains/ElemStatLearn
    """

    def each(self, error):
        from keras import ops

        return ops.abs(error)
