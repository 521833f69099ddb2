"""Ways to transfer a network; one file, one strategy.

May import `lab.steps` and probes; may not import networks and training, which execute what they say.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab.names import Named
from lab.steps import Fit, Parts, Problem, Result, Step


@dataclass(frozen=True)
class Strategy(Named):
    """A plan: yields steps, receives their results, and trains nothing itself."""

    start: ClassVar[Literal["source", "random"]] = "source"
    head: ClassVar[Literal["new", "source"]] = "new"  # "source": the source's own classifier top
    trains: ClassVar[bool] = True  # False: no gradient, so no budget, rate, augmentation or batch size

    @property
    def teacher(self) -> str | None:
        """The name of the finished run that is learnt from, or None."""
        return None

    def steps(self, net: Parts) -> Generator[Step, Result, None]:
        raise TypeError(f"{self.name} has no steps()")


@dataclass(frozen=True)
class Probe(Strategy):
    """Finds the head from frozen features without an epoch: `solve` says how."""

    trains = False

    def steps(self, net):
        yield Fit(self.solve)

    def solve(self, p: Problem) -> Any:
        """What is put in place of the head, as `lab.probes.solving` gives it."""
        raise TypeError(f"{self.name} has no solve()")
