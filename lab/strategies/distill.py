from dataclasses import dataclass
from typing import Annotated

from lab.errors import BadInput
from lab.names import Between
from lab.steps import Phase, Recalibrate
from lab.strategies import Strategy


@dataclass(frozen=True)
class Distill(Strategy):
    """Trains everything on the labels and on what a finished run says of each image: `distill(run='NAME')`.

    Hinton et al. 2015, https://arxiv.org/abs/1503.02531
    """

    run: str = ""
    temperature: Annotated[float, Between(0.1, 100.0)] = 4.0
    weight: Annotated[float, Between(0.0, 1.0)] = 0.5  # of the teacher, beside the labels

    @property
    def teacher(self):
        if not self.run:
            raise BadInput(
                "distill learns from a finished run: distill(run='NAME'); `python -m lab.report --runs` lists them"
            )
        return self.run

    def steps(self, net):
        yield Phase(net.all, name="distill")
        yield Recalibrate(net.all)
