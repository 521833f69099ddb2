"""A network on its data: batches, features, loss and evaluation, and what its steps have recorded so far.

What `lab.training.phase` trains on, and what `lab.training.trainer` has a strategy's steps executed on.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lab.inputs.data import Data, Split, eval_batches
from lab.inputs.reading import ahead, beside
from lab.networks import features
from lab.networks.net import Net, to_numpy
from lab.steps import Fit, Phase, Result, Selection, Step
from lab.task import Task
from lab.training.balance import WEIGHTS
from lab.training.checkpoint import Checkpoint
from lab.training.distillation import Distillation
from lab.training.feed import Feed
from lab.training.optimizers import Terms, optimizer, restart
from lab.training.recalibrate import reestimate

Array = np.ndarray


@dataclasses.dataclass
class Options:
    """What a run says about training; see `lab.runs.spec.Run`."""

    batch_size: int
    learning_rate: float
    seed: int
    augment: str = "none"
    bn: str = "sound"
    keep: str = "best"
    optimizer: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "cosine"
    label_smoothing: float = 0.0
    ema: float | None = None
    watch: str = "val"
    balance: str = "none"
    loss: str = "cross_entropy"
    patience: int | None = None
    epochs: int = 1
    steps: int | None = None
    seconds: float | None = None
    checkpoint_every: int | None = None
    parts: int = 1  # that a batch is trained in, where memory does not take it whole

    @property
    def at_once(self) -> int:
        """Examples that the network is given at a time."""
        return max(1, self.batch_size // self.parts)


class Fitted(keras.Model):
    """A model that knows whether its training step has been traced: until then, no weight has moved."""

    is_traced = False

    def train_step(self, *given: Any, **named: Any) -> Any:
        """As Keras', in Python only while it is traced."""
        done = super().train_step(*given, **named)
        self.is_traced = True
        return done


class Learner:
    """One `Net` on one `Data`.

    Batch-norm momentum is max(1 - 10 / steps per epoch, 0.9), unless `--bn keras`; Kornblith et al. 2019
    (https://arxiv.org/abs/1805.08974).

    Attributes:
        feed: the batches of training.
        teacher: a finished run that the network is distilled from, or none.
        results: what the steps so far gave.
        record: what each step did, for the run's record.
        found: what was chosen by looking at the training data: a learning rate.
    """

    def __init__(
        self,
        net: Net,
        data: Data,
        task: Task,
        options: Options,
        cache: Path,
        progress: Callable[[dict], None],
        teacher: Distillation | None = None,
        checkpoint: Checkpoint | None = None,
    ):
        self.net, self.data, self.task, self.options = net, data, task, options
        self.cache, self.progress, self.teacher = cache, progress, teacher and teacher.check(net)
        o = options
        self.feed = Feed(net, data, task, o.batch_size, o.seed, o.augment, o.balance)
        self.record: list[dict[str, Any]] = []
        self.results: list[Result] = []
        self.checkpoint = checkpoint
        self._began: tuple[float, float] | None = None
        self._before = (0.0, 0.0)
        self.found: dict[str, float] = {}
        self._cut: dict[str, Array] | None = None  # features by split; None where what is before the cut may move
        if o.bn == "sound":
            for norm in net.norms():
                norm.momentum = max(1 - 10 / self.feed.steps_per_epoch, 0.9)
        self.is_pyramid = net.head is not None and net.head.reads == "pyramid"
        counts = task.frequencies(data.train) if o.balance in WEIGHTS else None
        self._weights = None if counts is None else WEIGHTS[o.balance](counts)

    @property
    def spent(self) -> tuple[float, float]:
        """Seconds since the first step began, on the clock and of the CPU; an interruption's are not among them."""
        if self._began is None:
            return 0.0, 0.0
        now = time.perf_counter(), time.process_time()
        wall, cpu = (b + n - s for b, n, s in zip(self._before, now, self._began, strict=True))
        return wall, cpu

    def resumed_with(self, spent: tuple[float, float]) -> None:
        """Counts what was spent before the run was interrupted."""
        wall, cpu = spent
        self._before = wall, cpu

    def reestimate(self, chosen: Selection, batches: int) -> int:
        """Re-estimates the chosen statistics over training batches without augmentation; returns how many batches.

        They are `batches`, or one pass over the training set if that is less.
        """
        if not chosen:
            return 0
        self._cut = None
        return reestimate(self.net, chosen, self.feed.plain(batches))

    @property
    def steps(self) -> int:
        """The run's budget, where it is not in seconds."""
        return self.options.steps or self.options.epochs * self.feed.steps_per_epoch

    def check_features(self, name: str, select: Selection) -> None:
        if self.net.top is None or not select <= self.net.parts.stage("head"):
            raise ValueError(f"step {name!r} trains on features, so it can select variables of the head only")

    def loss(self) -> Any:
        """What is minimised, class weights and smoothing included."""
        return self.task.loss(self.options.loss, self.options.label_smoothing, self._weights)

    def compiled(
        self,
        model: keras.Model,
        name: str,
        terms: Callable[[Any], Terms],
        teacher: Distillation | None = None,
        **more: Any,
    ) -> keras.Model:
        """A model of the network to train, its optimizer as if it were new; what learns now, learns in it.

        Made once for each kind of step, since to trace one takes as long as many of them: phases, checks and runs
        share it. `terms` gives those of a variable, `more` are the optimizer's options.
        """
        learning, o = model.trainable_variables, self.options
        norms = tuple((n.trainable, n.momentum) for n in self.net.norms())
        by = (name, *map(terms, learning), *sorted(more.items()))
        weights = None if self._weights is None else tuple(self._weights)
        aim = (repr(self.task), o.loss, o.label_smoothing, weights, teacher and (teacher.temperature, teacher.weight))

        def make() -> keras.Model:
            made = Fitted(model.inputs, model.outputs[0])
            loss, metrics = self.loss(), self.task.metrics()
            if teacher:
                loss, metrics = teacher.loss(loss), teacher.metrics(metrics)
            by = optimizer(name, 0.0, [terms(v) for v in made.trainable_variables], **more)
            made.compile(optimizer=by, loss=loss, metrics=metrics)
            # now, not while a step is traced: moments made in a graph double the time until the first step is done
            by.build(made.trainable_variables)
            return made

        made = self.net.once(("step", id(model), tuple(map(id, learning)), norms, by, aim), make)
        restart(made.optimizer)
        return made

    def is_on_features(self, step: Step) -> bool:
        """Whether a step leaves everything before the cut as it is, and works on what that gives."""
        return isinstance(step, Fit) or (isinstance(step, Phase) and step.inputs == "features" and not self.is_pyramid)

    def features(self, split: Split) -> tuple[Array, bool]:
        """(features of a split, whether they were computed before)."""
        if self._cut is not None and split.digest in self._cut:
            return self._cut[split.digest], True
        key = {
            "weights": features.weights_digest([to_numpy(w) for w in self.net.features.weights]),
            "backbone": str(self.net.backbone), "around": self.net.around, "shape": self.net.shape,
            "contrast": self.net.contrast, "channels": str(self.net.channels),
            "scaling": repr(self.net.scaling),
            "precision": keras.config.dtype_policy().name, "backend": keras.backend.backend(),
            "keras": keras.__version__,
        }  # fmt: skip
        found, read = features.cached(self.cache, key, split, self.options.at_once, self.cut)
        if self._cut is not None:
            self._cut[split.digest] = found
        return found, read

    def cut(self, images: Array) -> Any:
        """Images (B, h, w, C) uint8 to features, in inference mode; a list of them where they are a pyramid."""
        features = self.net.features.predict_on_batch(self.net.sized(images))
        return [to_numpy(f) for f in features] if self.is_pyramid else to_numpy(features)

    def goodness(self) -> float:
        """The score on validation with the task's sign: higher is better."""
        return self.task.goodness(self.evaluate(self.data.val)[0])

    def evaluate(self, split: Split, last: bool = False) -> tuple[dict, Any]:
        """The task's figures over a whole split, none dropped, and the meter that took them: the last or any other.

        After a step on features they are what is read, and not the images once more.
        """
        meter = self.task.meter(closely=last)
        takes = list(eval_batches(len(split), self.options.at_once))
        wanted = [take for take, _ in takes]
        on_images = self._cut is None
        model = self._inference(self.net.model if on_images else self.net.top)
        given = ahead(split.images if on_images else self.features(split)[0], wanted)
        x = map(self.net.sized, given) if on_images else given
        read = beside(zip(takes, x, ahead(split.labels, wanted), strict=True))
        for (_, real), batch, labels in read:
            answers = self.task.answered(to_numpy(model.predict_on_batch(batch)))
            meter.update(labels[:real], answers[:real])
        return meter.result(), meter

    def logits(self, images: Array) -> Array:
        """What the network gives for images (B, h, w, C) as they are stored; by what evaluation has traced already."""
        if self._cut is None:
            model, x = self.net.model, self.net.sized(images)
        else:
            model, x = self.net.top, self.cut(images)
        return to_numpy(self._inference(model).predict_on_batch(x))

    def _inference(self, model) -> keras.Model:
        """The same layers in a model that is never compiled, so that its trace outlives each phase's."""
        return self.net.once(("inference", id(model)), lambda: keras.Model(model.inputs, model.outputs[0]))
