from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.steps import Phase
from lab.strategies import Strategy


@dataclass(frozen=True)
class Extract(Strategy):
    """Trains a new head on features that the frozen backbone computes once.

    Also called feature extraction, or a linear probe when the head is linear. Donahue et al. 2014,
    https://arxiv.org/abs/1310.1531
    """

    cache: bool = True  # False: the head is trained through the frozen backbone, image by image, as tutorials do
    rate: Annotated[float, Between(1e-3, 1e3)] = 10.0  # a head on fixed features stands larger steps than a network

    def steps(self, net):
        yield Phase(net.new, inputs=net.cheapest if self.cache else "images", rate=self.rate)
