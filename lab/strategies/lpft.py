from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class Lpft(Strategy):
    """Trains the head on frozen features first, then everything: noise of a new head spares the features.

    Kumar et al. 2022, https://arxiv.org/abs/2202.10054
    """

    probe: Annotated[float, Between(0.01, 0.9)] = 0.3  # share of the budget
    rate: Annotated[float, Between(1e-3, 1e3)] = 10.0  # of the probe, as `extract`

    def steps(self, net):
        yield Phase(net.new, name="linear probe", share=self.probe, rate=self.rate, inputs=net.cheapest)
        yield Phase(net.all, name="finetune", share=1 - self.probe)
        yield Recalibrate(net.all)
