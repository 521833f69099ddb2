from dataclasses import dataclass

from lab.probes import solving
from lab.steps import Problem
from lab.strategies import Probe


@dataclass(frozen=True)
class Ridge(Probe):
    """Solves for a linear head on frozen features in closed form: big_vision's few-shot probe.

    Least squares onto -1 and 1, so what it gives are no probabilities; the penalty is chosen on validation. Dosovitskiy
    et al. 2021, https://arxiv.org/abs/2010.11929, section 4.1; see `lab.probes.solving.ridge`.
    """

    def solve(self, p: Problem):
        return solving.ridge(p.x, p.y, p.classes, x_val=p.x_val, y_val=p.y_val)
