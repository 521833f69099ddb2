from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.steps import Problem
from lab.strategies import Probe


@dataclass(frozen=True)
class LogregGd(Probe):
    """Solves for a linear head on frozen features by plain gradient descent: `logreg` for those who want to see it.

    Multinomial logistic regression with an L2 penalty, in Keras; see `lab.probes.gradient_descent`.
    """

    l2: Annotated[float, Between(1e-6, 1e3)] = 1e-3  # scikit-learn's 1 / (C N)

    def solve(self, p: Problem):
        from lab.probes.gradient_descent import logreg_gd

        return logreg_gd(p.x, p.y, p.classes, self.l2, tell=p.tell)
