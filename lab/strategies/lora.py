from dataclasses import dataclass
from typing import Annotated

from lab.names import Between
from lab.steps import Adapt, Phase
from lab.strategies import Strategy


@dataclass(frozen=True)
class Lora(Strategy):
    """Trains low-rank matrices that are added to the source's frozen kernels, and the head.

    Hu et al. 2021, https://arxiv.org/abs/2106.09685; Keras' own, in dense layers and convolutions, not in depthwise
    ones. A finished run holds the sums, and is as large and as fast as one without. In language models the best rate is
    ten times that of training everything (Schulman et al. 2025, https://thinkingmachines.ai/blog/lora); there are
    convolutions between batch norms that stand still that diverge at it.
    """

    rank: Annotated[int, Between(1, 1024)] = 4
    rate: Annotated[float, Between(1e-3, 1e3)] = 3.0

    def steps(self, net):
        adapted = yield Adapt(self.rank)
        yield Phase(adapted.parts.new, rate=self.rate)
