"""Ways to transfer a network; one file, one strategy."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, Literal

from lab.names import Named
from lab.steps import Parts, Result, Step


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
