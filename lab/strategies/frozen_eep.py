from dataclasses import dataclass

from lab.steps import Match
from lab.strategies import Strategy


@dataclass(frozen=True)
class FrozenEep(Strategy):
    """Trains nothing: matches the source's outputs to the labels by counting, as LEEP does.

    The expected empirical predictor p(y|x) = sum over z of p(y|z) p(z|x), where z are the source's
    classes and p(y|z) is counted over the training set. Nguyen et al. 2020,
    https://arxiv.org/abs/2002.12462
    """

    head = "source"
    trains = False

    def steps(self, net):
        yield Match()
