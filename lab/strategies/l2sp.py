from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class L2sp(Strategy):
    """Trains everything, the source's weights held near where they began by an L2 penalty, new ones near zero.

    Li et al. 2018, https://arxiv.org/abs/1802.01483: alpha / 2 |w - w0|^2 + beta / 2 |v|^2. The penalties are in the
    gradient, not in the loss that is shown.
    """

    alpha: Annotated[float, Between(0.0, 100.0)] = 0.01
    beta: Annotated[float, Between(0.0, 100.0)] = 0.01

    def steps(self, net):
        yield Phase(net.all, name="finetune", pull=self.alpha, shrink=self.beta)
        yield Recalibrate(net.all)
