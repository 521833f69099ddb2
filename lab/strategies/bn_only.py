from dataclasses import dataclass
from typing import Annotated

from lab.errors import BadInput
from lab.names import Between
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class BnOnly(Strategy):
    """Trains the source's batch norms and the head, and no kernel of the source.

    Frankle et al. 2021, https://arxiv.org/abs/2003.00152, there in networks of random kernels.
    """

    rate: Annotated[float, Between(1e-3, 1e3)] = 10.0  # so few parameters stand larger steps than a network

    def steps(self, net):
        if not net.source & net.kind("statistics"):
            raise BadInput("bn_only trains a backbone's batch norms, and this one has none; use bitfit, last or lora")
        select = net.source & net.kind("scale", "shift", "statistics") | net.new
        yield Phase(select, rate=self.rate)
        yield Recalibrate(select)
