from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.steps import Phase
from lab.strategies import Strategy


@dataclass(frozen=True)
class Gradual(Strategy):
    """Trains the head, then one more stage of the source at a time from the top, as long as that helps.

    The gradual unfreezing of ULMFiT, Howard and Ruder 2018, https://arxiv.org/abs/1801.06146; it ends before the
    first stage whose training does not make validation better, and what that stage changed is undone. Every part of
    the plan has the same share of the budget, so a plan that ends early spends less.
    """

    rate: Annotated[float, Between(1e-3, 1e3)] = 10.0  # of the head on frozen features, as `extract`

    def steps(self, net):
        sources = [net.source & net.stage(name) for name in reversed(net.stages)]
        sources = [stage for stage in sources if net.learning(stage)]
        select, share = net.new, 1 / (1 + len(sources))
        result = yield Phase(select, name="head", share=share, rate=self.rate, inputs=net.cheapest)
        for count, stage in enumerate(sources, start=1):
            before = result.score
            result = yield Phase(select | stage, name=f"last {count}", share=share, or_before=True)
            if result.score <= before:
                break
            select |= stage
