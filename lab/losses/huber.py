from dataclasses import dataclass
from typing import Annotated

from lab.losses._numbers import OfNumbers
from lab.names import Between


@dataclass(frozen=True)
class Huber(OfNumbers):
    """Half the squared error up to `delta` deviations, and linear beyond: outliers count, but not most.

    Huber 1964, https://doi.org/10.1214/aoms/1177703732
    """

    delta: Annotated[float, Between(1e-3, 1e3)] = 1.0

    def each(self, error):
        from keras import ops

        size = ops.abs(error)
        return ops.where(size <= self.delta, 0.5 * ops.square(error), self.delta * (size - 0.5 * self.delta))
