from dataclasses import dataclass
from typing import Annotated

from lab.errors import BadInput
from lab.names import Between
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class Surgical(Strategy):
    """Trains chosen stages of the source, counted from the input, and the head: `surgical(1,2)`.

    Lee et al. 2023, https://arxiv.org/abs/2210.11466: where the inputs differ from the source's, the first stages are
    the ones to train; where the labels do, the last.
    """

    stages: tuple[Annotated[int, Between(1, 32)], ...] = (1,)
    head_rate: Annotated[float, Between(1e-3, 1e3)] = 10.0  # most features stand still, so it stands larger steps

    def steps(self, net):
        names = [f"stage{number}" for number in self.stages]
        if missing := [name for name in names if not net.learning(net.source & net.stage(name))]:
            there = [n for n in net.stages if net.learning(net.source & net.stage(n))]
            raise BadInput(f"{self}: this backbone has no {missing[0]} to train; it has {', '.join(there)}")
        select = net.source & net.stage(*names) | net.new
        yield Phase(select, rates={"head": self.head_rate})
        yield Recalibrate(select)
