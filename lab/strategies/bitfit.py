from dataclasses import dataclass
from typing import Annotated

from lab.errors import BadInput
from lab.names import Between
from lab.steps import Phase
from lab.strategies import Strategy


@dataclass(frozen=True)
class Bitfit(Strategy):
    """Trains the source's biases, those of its normalisations included, and the head.

    Ben Zaken et al. 2022, https://arxiv.org/abs/2106.10199. Statistics of batch norm stay as they are.
    """

    rate: Annotated[float, Between(1e-3, 1e3)] = 10.0  # so few parameters stand larger steps than a network

    def steps(self, net):
        biases = net.source & net.kind("bias", "shift")
        if not biases:
            raise BadInput("bitfit trains a backbone's biases, and this one has none; use last or lora")
        yield Phase(biases | net.new, rate=self.rate)
