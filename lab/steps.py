"""What a strategy may ask for, and what it is told. No Keras.

A strategy is a plan: it yields steps and receives the `Result` of each. What a step touches is
a `Selection` of variables, made from `Parts`. One selection says two things at once: kernels,
biases and affine parameters in it learn; batch-norm statistics in it are taken from the batch and
move, while those left out stay fixed and the layer normalises with them, as in evaluation. So
`parts.kind("affine")` trains batch norm's scale and shift over fixed statistics.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["kernel", "bias", "affine", "statistics", "constant"]


class Selection(frozenset[int]):
    """Indices of variables of a network; unite with |, intersect with &, subtract with -."""

    def __or__(self, other):
        return Selection(super().__or__(other))

    def __and__(self, other):
        return Selection(super().__and__(other))

    def __sub__(self, other):
        return Selection(super().__sub__(other))


@dataclass(frozen=True)
class Part:
    """One variable: its stage, its kind, whether it is new, and its number of values."""

    stage: str
    kind: Kind
    new: bool
    size: int


@dataclass(frozen=True)
class Parts:
    """The variables of a network, in the order of its `weights`, to be selected from.

    `source` is what came from the source network, `new` everything that did not: the head, and
    whatever an unusual input needs. `constant` variables (an input normalisation) never learn and
    are in no selection.
    """

    parts: tuple[Part, ...]
    stages: tuple[str, ...]  # from input to output; the head is the last

    def where(self, test) -> Selection:
        return Selection(i for i, p in enumerate(self.parts) if p.kind != "constant" and test(p))

    @property
    def all(self) -> Selection:
        return self.where(lambda p: True)

    @property
    def new(self) -> Selection:
        return self.where(lambda p: p.new)

    @property
    def source(self) -> Selection:
        return self.where(lambda p: not p.new)

    def learning(self, select: Selection) -> int:
        """Number of values in a selection that a gradient moves: statistics aside."""
        return sum(self.parts[i].size for i in select if self.parts[i].kind != "statistics")

    def stage(self, *names: str) -> Selection:
        return self.where(lambda p: p.stage in names)

    def kind(self, *kinds: Kind) -> Selection:
        return self.where(lambda p: p.kind in kinds)


@dataclass(frozen=True)
class Phase:
    """Gradient training of a selection.

    `share` is the part of the run's budget that this phase takes (shares add up to at most 1),
    `rate` multiplies the run's learning rate. With `inputs="features"` everything before the new
    top is run once, in inference mode (dropout too) and without augmentation, and its outputs are
    cached; only the top's own variables can be selected then.
    """

    select: Selection
    name: str = "train"
    share: float = 1.0
    rate: float = 1.0
    inputs: Literal["images", "features"] = "images"


@dataclass(frozen=True)
class Recalibrate:
    """Re-estimates the selected batch-norm statistics over training batches; no weight changes.

    As `update_bn` of Izmailov et al. 2018 (https://arxiv.org/abs/1803.05407): the plain mean of the
    statistics of `batches` batches, in place of an exponential average that remembers its start.
    Left out, and said so in the record, under `--bn keras`.
    """

    select: Selection
    batches: int = 100
    name: str = "recalibrate"


@dataclass(frozen=True)
class Match:
    """Matches the source's outputs to the target's labels by counting, without a gradient.

    The expected empirical predictor of Nguyen et al. 2020 (https://arxiv.org/abs/2002.12462).
    """

    name: str = "match"


Step = Phase | Recalibrate | Match


@dataclass(frozen=True)
class Result:
    """What a step did: `score` is the validation score after it (higher is better)."""

    step: str
    score: float
    steps: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
