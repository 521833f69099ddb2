from dataclasses import dataclass
from typing import Annotated

from lab.errors import BadInput
from lab.names import Between
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class Last(Strategy):
    """Trains the last stages of the source and the head; what is below stays frozen, statistics included.

    Yosinski et al. 2014, https://arxiv.org/abs/1411.1792: lower layers are the more general ones.
    """

    stages: Annotated[int, Between(1, 32)] = 1

    def steps(self, net):
        sources = [name for name in net.stages if net.learning(net.source & net.stage(name))]
        if self.stages > len(sources):
            raise BadInput(f"{self} trains the last {self.stages} stages, and this backbone has {len(sources)}")
        select = net.source & net.stage(*sources[-self.stages :]) | net.new
        yield Phase(select)
        yield Recalibrate(select)
