from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.probes import solving
from lab.steps import Problem
from lab.strategies import Probe


@dataclass(frozen=True)
class Knn(Probe):
    """Remembers the features of all training examples; the nearest vote.

    Wu et al. 2018, https://arxiv.org/abs/1805.01978. Left out, their number is found by leaving one out; a finished
    run is as large as the features of its training split.
    """

    k: Annotated[int | None, Between(1, 10_000)] = None
    temperature: Annotated[float, Between(1e-3, 10.0)] = 0.07

    def solve(self, p: Problem):
        candidates = solving.NEIGHBOURS if self.k is None else (self.k,)
        return solving.knn(p.x, p.y, p.classes, candidates, self.temperature)
