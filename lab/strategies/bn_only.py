from dataclasses import dataclass

from lab.errors import BadInput
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class BnOnly(Strategy):
    """Trains the source's batch norms and the head, and no kernel of the source.

    Frankle et al. 2021, https://arxiv.org/abs/2003.00152, there in networks of random kernels.
    """

    def steps(self, net):
        if not net.source & net.kind("statistics"):
            raise BadInput("bn_only trains a backbone's batch norms, and this one has none; use bitfit, last or lora")
        select = net.source & net.kind("scale", "shift", "statistics") | net.new
        yield Phase(select)
        yield Recalibrate(select)
