from dataclasses import dataclass

from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class Scratch(Strategy):
    """Trains everything from random weights: what a transfer has to beat."""

    start = "random"

    def steps(self, net):
        yield Phase(net.all)
        yield Recalibrate(net.all)
