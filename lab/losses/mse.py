from dataclasses import dataclass

from lab.losses._numbers import OfNumbers


@dataclass(frozen=True)
class Mse(OfNumbers):
    """The squared error of standardised numbers: it predicts their mean, and large errors count most.

    Legendre 1805 and Gauss 1809, as in Hastie et al. 2009, section 2.4, https://hastie.su.domains/ElemStatLearn
    """

    def each(self, error):
        from keras import ops

        return ops.square(error)
