from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class LayerDecay(Strategy):
    """Trains everything, at a rate that shrinks from stage to stage toward the input; weight decay with it.

    Clark et al. 2020, https://arxiv.org/abs/2003.10555; there from layer to layer, here by stages, which are fewer.
    """

    factor: Annotated[float, Between(0.01, 1.0)] = 0.65  # from a stage to the one below it

    def steps(self, net):
        sources = [name for name in reversed(net.stages) if net.source & net.stage(name)]
        rates = {name: self.factor**depth for depth, name in enumerate(sources, start=1) if name != "head"}
        yield Phase(net.all, name="finetune", rates=rates)
        yield Recalibrate(net.all)
