from dataclasses import dataclass

from lab.probes import solving
from lab.steps import Problem
from lab.strategies import Probe


@dataclass(frozen=True)
class Logreg(Probe):
    """Solves for a linear head on frozen features: logistic regression, its C by cross-validation.

    scikit-learn's, by L-BFGS, where `extract` goes by batches; see `lab.probes.solving.logreg`.
    """

    def solve(self, p: Problem):
        return solving.logreg(p.x, p.y, p.classes, p.seed, tell=p.tell)
