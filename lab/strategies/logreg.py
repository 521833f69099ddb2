from dataclasses import dataclass

from lab import solving
from lab.steps import Fit, Problem
from lab.strategies import Strategy


@dataclass(frozen=True)
class Logreg(Strategy):
    """Solves for a linear head on frozen features: logistic regression, its C by cross-validation.

    scikit-learn's, by L-BFGS, where `extract` goes by batches; see `lab.solving.logreg`.
    """

    trains = False

    def steps(self, net):
        yield Fit(self.solve)

    def solve(self, p: Problem):
        return solving.logreg(p.x, p.y, p.classes, p.seed, tell=p.tell)
