from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.probes import solving
from lab.steps import Problem
from lab.strategies import Probe


@dataclass(frozen=True)
class Boosting(Probe):
    """Fits boosted trees to frozen features by CatBoost, of as many as validation asks for.

    Prokhorenkova et al. 2018, https://arxiv.org/abs/1706.09516; a finished run holds the trees as a layer.
    """

    iterations: Annotated[int, Between(1, 100_000)] = 1000
    depth: Annotated[int, Between(1, 12)] = 6
    rate: Annotated[float | None, Between(1e-4, 1.0)] = None

    def solve(self, p: Problem):
        return solving.boosting(
            p.x, p.y, p.classes, p.x_val, p.y_val, p.seed, self.iterations, self.depth, self.rate, tell=p.tell
        )
