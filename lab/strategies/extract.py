from dataclasses import dataclass

from lab.steps import Phase
from lab.strategies import Strategy


@dataclass(frozen=True)
class Extract(Strategy):
    """Trains a new head on features that the frozen backbone computes once.

    Also called feature extraction, or a linear probe when the head is linear. Donahue et al. 2014,
    https://arxiv.org/abs/1310.1531
    """

    def steps(self, net):
        yield Phase(net.new, inputs="features")
