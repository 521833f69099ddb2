"""What a strategy may ask for, and what it is told. No Keras.

A strategy is a plan: it yields steps and receives the `Result` of each. What a step touches is
a `Selection` of variables, made from `Parts`. One selection says two things at once: kernels,
biases and affine parameters in it learn; batch-norm statistics in it are taken from the batch and
move, while those left out stay fixed and the layer normalises with them, as in evaluation. So
`parts.kind("scale", "shift")` trains batch norm's scale and shift over fixed statistics.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# scale and shift are a normalisation's, adapter what LoRA adds to a kernel
Kind = Literal["kernel", "bias", "scale", "shift", "statistics", "adapter", "constant"]


Tell = Callable[[str, int, int], None]


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

    @property
    def cheapest(self) -> Literal["images", "features"]:
        """What the new parts alone can be trained on: features, unless something new stands before the backbone."""
        return "features" if self.new <= self.stage("head") else "images"

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

    `rates` multiply `rate` in the stages that they name, and the weight decay with it. `pull` is the strength of an
    L2 penalty on the distance of the source's weights from where the phase began, `shrink` that of one on the size of
    the new ones; both are added to the gradient. With `or_before` the weights from before the phase are kept where
    none of its epochs scored better on validation, each with batch-norm statistics that were re-estimated for it.
    """

    select: Selection
    name: str = "train"
    share: float = 1.0
    rate: float = 1.0
    inputs: Literal["images", "features"] = "images"
    rates: Mapping[str, float] = field(default_factory=dict)
    pull: float = 0.0
    shrink: float = 0.0
    or_before: bool = False


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


@dataclass(frozen=True)
class Adapt:
    """Adds a low-rank matrix, at first zero, to every kernel of the backbone that Keras' LoRA can: new variables.

    Hu et al. 2021 (https://arxiv.org/abs/2106.09685). Its `Result` brings the parts that there are then.
    """

    rank: int
    name: str = "adapt"


@dataclass(frozen=True)
class Problem:
    """What a probe solves: features (N, D) and labels (N,) of training and validation, K classes, the run's seed.

    `tell` takes what is counted, how many are done, and of how many.
    """

    x: Any
    y: Any
    x_val: Any
    y_val: Any
    classes: int
    seed: int
    tell: Tell


@dataclass(frozen=True)
class Fit:
    """Puts in place of the head what `solve` finds on the frozen backbone's features, without an epoch.

    `solve` takes a `Problem` and gives what it found, as `lab.probes.solving` does.
    """

    solve: Callable[["Problem"], Any]
    name: str = "fit"


@dataclass(frozen=True)
class Own:
    """Training of its own kind, as a GAN's with two optimizers.

    `train` takes a `lab.training.learner.Learner`, has it told what is going on (`progress`), and gives the `Result`.
    What it moved beyond the selection fails the run, as for any step; interrupted, it begins again.
    """

    train: Callable[[Any], "Result"]
    select: Selection
    name: str = "own"


Step = Phase | Recalibrate | Match | Adapt | Fit | Own


@dataclass(frozen=True)
class Result:
    """What a step did: `score` is the validation score after it (higher is better).

    `parts` are the variables that there are now, where the step made new ones.
    """

    step: str
    score: float
    steps: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    parts: Parts | None = None


def follow(plan: Generator[Step, Result, None], do: Callable[[Step], Result]) -> None:
    """Has a strategy's steps done, one after the other; it is told the result of each before it says the next."""
    result: Any = None
    while True:
        try:
            step = plan.send(result)
        except StopIteration:
            return
        result = do(step)
