from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class Finetune(Strategy):
    """Warms the new parts up over a frozen source, then trains everything.

    Yosinski et al. 2014, https://arxiv.org/abs/1411.1792; the warm-up keeps the random head's
    first gradients from tearing up the features.
    """

    warmup: Annotated[float, Between(0.0, 0.9)] = 0.2  # share of the budget

    def steps(self, net):
        if self.warmup:
            yield Phase(net.new, name="warm-up", share=self.warmup)
        yield Phase(net.all, name="finetune", share=1 - self.warmup)
        yield Recalibrate(net.all)
