"""Executes the steps of a strategy; the only place that compiles and fits.

After every step it proves what moved: whatever was not selected is bit-identical, and what was
selected is not. A frozen part that moved fails the run.
"""

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np

from lab import features
from lab.balance import WEIGHTS
from lab.checkpoint import Checkpoint
from lab.data import Data, Split, eval_batches
from lab.distillation import Distillation
from lab.errors import BadInput, Interrupted
from lab.feed import Feed
from lab.net import Net, assign, to_numpy
from lab.optimizers import Terms, optimizer
from lab.proof import moved
from lab.reading import ahead
from lab.recalibrate import reestimate
from lab.schedules import SCHEDULES
from lab.steps import Adapt, Fit, Match, Phase, Problem, Recalibrate, Result, Selection, Step

Array = np.ndarray
VALIDATIONS = 50  # in a phase whose budget is in steps or seconds
TIMED = 5  # steps that a budget in seconds is measured by


class Diverged(Exception):
    """The loss is not a number any more."""


@dataclasses.dataclass
class Options:
    """What a run says about training; see `lab.spec.Run`."""

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


class Trainer:
    """Trains one `Net` on one `Data`, a step of a strategy at a time.

    Attributes:
        feed: the batches of training.
        teacher: a finished run that the network is distilled from, or none.
        record: what each step did, for the run's record.
        found: what was chosen by looking at the training data: a learning rate.
        tried: the optimizer of the checks' trials, while the network is compiled for them.
    """

    def __init__(
        self,
        net: Net,
        data: Data,
        task: ModuleType,
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
        self._resumed = checkpoint.read("step") if checkpoint else None
        self._began: tuple[float, float] | None = None
        self._before = (0.0, 0.0)
        self.found: dict[str, float] = {}
        self.tried: Any = None
        self._infer: dict[int, keras.Model] = {}
        self._is_pyramid = net.head is not None and net.head.task == "segmentation"
        self._weights = (
            WEIGHTS[options.balance](task.frequencies(data.train, data.classes)) if options.balance in WEIGHTS else None
        )

    # The strategy's steps

    def execute(self, step: Step) -> Result:
        """Does what the step says, proves what moved, and says how good the network is now.

        A step that was finished before the run was interrupted is not done again.
        """
        self._began = self._began or (time.perf_counter(), time.process_time())
        if self._resumed and len(self.results) < len(self._resumed[0]["results"]):
            return self._again(step, *self._resumed)
        self.record.append({"step": step.name})
        before = {id(w): to_numpy(w) for w in self.net.model.weights}
        began = time.perf_counter()
        result, moving = self._do(step)
        self.record[-1]["seconds"] = time.perf_counter() - began
        then = [before.get(id(w), now) for w, now in zip(self.net.model.weights, self.net.values(), strict=True)]
        must = isinstance(step, Phase) and result.steps > 0 and self.record[-1]["kept_epoch"] != 0
        self.record[-1]["moved"] = moved(self.net, then, moving, must)
        self.results.append(result)
        if self.checkpoint:
            done = [{**vars(r), "parts": None} for r in self.results]
            about = {"results": done, "record": self.record, "spent": self.spent}
            self.checkpoint.write("step", about, variables=self._variables())
            self.checkpoint.remove("epoch")
        return result

    def _again(self, step: Step, about: dict[str, Any], arrays: dict[str, list[Array]]) -> Result:
        """What a finished step gave: the network gets the same parts, and after the last one its weights."""
        number = len(self.results)
        self.record.append(about["record"][number])
        if isinstance(step, Adapt):
            self.net.adapt(step.rank)
        elif isinstance(step, Match):
            self.net.match(np.zeros(self.record[-1]["matched"], "float32"))
        elif isinstance(step, Fit) and self.record[-1]["probe"]:
            self.net.put_layer(self.record[-1]["probe"])
        self._infer.clear()
        self.results.append(Result(**{**about["results"][number], "parts": self.net.parts}))
        if len(self.results) == len(about["results"]):
            assign(self.net.model.variables, arrays["variables"])
            self._before = tuple(about["spent"])
        return self.results[-1]

    @property
    def spent(self) -> tuple[float, float]:
        """Seconds since the first step began, on the clock and of the CPU; an interruption's are not among them."""
        if self._began is None:
            return 0.0, 0.0
        now = time.perf_counter(), time.process_time()
        wall, cpu = (b + n - s for b, n, s in zip(self._before, now, self._began, strict=True))
        return wall, cpu

    def _variables(self) -> list[Array]:
        """Copies of all variables of the network, seeds of dropout included."""
        return [to_numpy(v) for v in self.net.model.variables]

    def _do(self, step: Step) -> tuple[Result, Selection]:
        """(what the step gave, the variables that it may have moved; what is new in the network is in none)."""
        if isinstance(step, Phase):
            return self._phase(step), step.select
        if isinstance(step, Recalibrate):
            return self._recalibrate(step), step.select & self.net.parts.kind("statistics")
        if isinstance(step, Fit):
            return self._fit(step), self.net.parts.stage("head")
        return (self._adapt(step) if isinstance(step, Adapt) else self._match(step)), Selection()

    def _phase(self, phase: Phase) -> Result:
        if not phase.select:
            raise ValueError(f"step {phase.name!r} selects nothing to train")
        net, number = self.net, len(self.record) - 1
        net.train_only(phase.select)
        batches, evaluate, model = self._inputs(phase)
        kept = self.checkpoint.read("epoch") if self.checkpoint else None
        if kept and kept[0]["number"] != number:  # of the step before, and left by a crash
            kept = None
        steps, chunk = kept[0]["budget"] if kept else self._budget(phase, model, batches)
        self._compile(model, phase, steps)
        best: tuple[float, int, list] | None = None
        history: list[dict[str, Any]] = []
        if kept:
            history, best = self._resume(model, *kept)
        elif phase.or_before:
            best = (self.score(), 0, self._variables())
        try:
            for epoch in range(len(history), -(-steps // chunk)):
                if self._is_stuck(history):
                    break
                upto = min((epoch + 1) * chunk, steps)
                began = time.perf_counter()
                logs = self._epoch(model, batches, phase, number, epoch, range(epoch * chunk, upto), steps)
                seconds = time.perf_counter() - began
                raw = self._average(model) if self.options.ema is not None else None
                if phase.or_before and self.options.bn != "keras":  # else it would be stale statistics that decide
                    self.reestimate(phase.select & net.parts.kind("statistics"), batches=Recalibrate.batches)
                    net.train_only(phase.select)
                val = evaluate()
                history.append({"epoch": epoch + 1, "steps": upto, "seconds": seconds, **logs, **named("val", val)})
                if self.options.watch == "test":
                    history[-1] |= named("test", self.evaluate(self.data.test)[0])
                score = val[self.task.SCORE]
                about = {"phase": phase.name, "epochs": -(-steps // chunk), "score": score}
                self.progress({**about, **history[-1]})
                if best is None or (score > best[0] if phase.or_before else score >= best[0] or self.keeps_last):
                    best = (score, epoch + 1, self._variables())
                if raw is not None:
                    assign(model.trainable_variables, raw)
                self._keep(model, (steps, chunk), history, best)
        except Interrupted:
            self._leave(best, history)
            raise
        if best is not None:
            assign(net.model.variables, best[2])
        self.record[-1] |= {
            "share": phase.share, "rate": phase.rate, "inputs": phase.inputs, "steps": history[-1]["steps"],
            "steps_per_epoch": chunk, "history": history, "trained": net.parts.learning(phase.select),
            **({"rates": dict(phase.rates)} if phase.rates else {}),
            **({"pull": phase.pull, "shrink": phase.shrink} if phase.pull or phase.shrink else {}),
            "kept_epoch": best[1] if best else None,
            "kept_because": "last epoch" if self.keeps_last and not phase.or_before
            else f"best validation {self.task.SCORE}" + (", or before" if phase.or_before else ""),
            "batch_norm": net.batch_norm(),
        }  # fmt: skip
        return Result(phase.name, best[0] if best else 0.0, history[-1]["steps"], history)

    def _keep(self, model, budget: tuple[int, int], history: list, best: tuple[float, int, list]) -> None:
        """Writes down how far the phase is."""
        if self.checkpoint:
            number = len(self.record) - 1
            about = {"number": number, "budget": budget, "history": history, "best": best[:2], "spent": self.spent}
            optimizer = [to_numpy(v) for v in model.optimizer.variables]
            self.checkpoint.write("epoch", about, variables=self._variables(), optimizer=optimizer, best=best[2])

    def _resume(self, model, about: dict[str, Any], arrays: dict[str, list[Array]]) -> tuple[list, tuple]:
        """Puts everything that changes in a phase back; returns its history and the best so far."""
        model.optimizer.build(model.trainable_variables)
        assign(self.net.model.variables, arrays["variables"])
        assign(model.optimizer.variables, arrays["optimizer"])
        self.record[-1]["resumed_after_epoch"] = len(about["history"])
        self._before = tuple(about["spent"])
        return about["history"], (*about["best"], arrays["best"])

    @property
    def keeps_last(self) -> bool:
        return self.options.keep == "last"

    def _leave(self, best: tuple[float, int, list] | None, history: list[dict[str, Any]]) -> None:
        """Ends an interrupted phase with the best weights so far; before its first validation, with the latest."""
        if best is not None:
            assign(self.net.model.variables, best[2])
        self.record[-1] |= {"history": history, "interrupted": True, "kept_epoch": best[1] if best else None}

    def _is_stuck(self, history: list[dict[str, Any]]) -> bool:
        """Whether `--patience` is at its end: so many epochs since the best one."""
        scores = [h[f"val_{self.task.SCORE}"] for h in history]
        return (
            bool(scores)
            and self.options.patience is not None
            and len(scores) - 1 - int(np.argmax(scores)) >= self.options.patience
        )

    def _average(self, model) -> list[Array]:
        """Puts the averages of the weights, under `--ema`, into the model; returns what training goes on from."""
        raw = [to_numpy(v) for v in model.trainable_variables]
        model.optimizer.finalize_variable_values(model.trainable_variables)
        # copies: JAX frees what a model predicts with, and the optimizer still holds the averages
        assign(model.trainable_variables, [to_numpy(v) for v in model.trainable_variables])
        return raw

    def _epoch(self, model, batches, phase, number, epoch, steps: range, total: int) -> dict[str, float]:
        """Trains the steps and gives the means of what Keras measured while they ran."""
        sums: dict[str, float] = {}
        for step, (x, y) in zip(steps, batches(number, steps), strict=True):
            logs = model.train_on_batch(x, y, return_dict=True)
            if not np.isfinite(logs["loss"]):
                raise Diverged(
                    f"the loss became {logs['loss']} in phase {phase.name!r}, epoch {epoch + 1}, step {step + 1}; "
                    f"try a --learning-rate below {self.options.learning_rate:g}"
                )
            sums = {name: sums.get(name, 0.0) + float(value) for name, value in logs.items()}
            done = step - steps.start + 1
            self.progress(
                {"phase": phase.name, "epoch": epoch + 1, "step": step + 1, "steps": total, "loss": sums["loss"] / done}
            )
        return {k: v / len(steps) for k, v in sums.items()}

    def _recalibrate(self, step: Recalibrate) -> Result:
        chosen = step.select & self.net.parts.kind("statistics")
        if not chosen or self.options.bn == "keras":
            self.record[-1]["skipped"] = "--bn keras" if chosen else "no batch-norm statistics to re-estimate"
            return Result(step.name, self.score())
        self.record[-1] |= {"score_before": self.score(), "batches": self.reestimate(chosen, step.batches)}
        score = self.record[-1]["score_after"] = self.score()
        return Result(step.name, score)

    def reestimate(self, chosen: Selection, batches: int) -> int:
        """Re-estimates the chosen statistics over training batches without augmentation; returns how many batches.

        They are `batches`, or one pass over the training set if that is less.
        """
        return reestimate(self.net, chosen, self.feed.plain(batches)) if chosen else 0

    def _adapt(self, step: Adapt) -> Result:
        """Adds low-rank matrices to the backbone's kernels; Hu et al. 2021, section 4.1."""
        self.record[-1]["adapted"] = self.net.adapt(step.rank)
        self._infer.clear()
        return Result(step.name, self.score(), parts=self.net.parts)

    def _fit(self, step: Fit) -> Result:
        """Has the head found from the features of training and validation."""
        self._check_features(step.name, self.net.parts.new)
        if self._is_pyramid:
            raise BadInput("a probe fits one label an image; for masks take extract, a head on frozen features")
        (x, read), (x_val, _) = self._features(self.data.train), self._features(self.data.val)
        y, y_val = self.data.train.labels, self.data.val.labels

        def tell(what: str, done: int, of: int) -> None:
            self.progress({"phase": step.name, "what": what, "step": done, "steps": of})

        found = step.solve(Problem(x, y, x_val, y_val, len(self.data.classes), self.options.seed, tell))
        self.net.put(found)
        self._infer.clear()
        self.record[-1] |= {
            "features": "read from the cache" if read else "computed",
            "found": found.about,
            "probe": self.net.probe,
        }
        return Result(step.name, self.score())

    def _match(self, step: Match) -> Result:
        """Counts p(label | source class) over the training set; Nguyen et al. 2020, equation 2."""
        meter = self.evaluate(self.data.train)[1]
        theta, labels = meter.probabilities, self.task.encode(self.data.train.labels, len(self.data.classes))
        joint = theta.T @ labels / len(labels)
        marginal = joint.sum(axis=1, keepdims=True)
        table = np.divide(joint, marginal, out=np.full_like(joint, 1 / joint.shape[1]), where=marginal > 0)
        self.net.match(table)
        self.record[-1]["matched"] = table.shape
        self._infer.clear()
        return Result(step.name, self.score())

    # What a phase trains, on what, for how long

    def _inputs(self, phase: Phase):
        """(batches(phase number, steps), an iterator over inputs and targets; evaluate(); the model to train)."""
        if phase.inputs == "features":
            self._check_features(phase.name, phase.select)
            if self._is_pyramid:
                self.record[-1]["features"] = "computed for each batch: a pyramid's are too many to be kept"
                return partial(self.feed.through, self.cut), lambda: self.evaluate(self.data.val)[0], self.net.top
            (cut, read), (val, _) = self._features(self.data.train), self._features(self.data.val)
            self.record[-1]["features"] = "read from the cache" if read else "computed"
            return partial(self.feed.of, cut), lambda: self.evaluate(self.data.val, self.net.top, val)[0], self.net.top
        batches = self.teacher.batches(self.feed.batches) if self.teacher else self.feed.batches
        return batches, lambda: self.evaluate(self.data.val)[0], self.net.model

    @property
    def steps(self) -> int:
        """The run's budget, where it is not in seconds."""
        return self.options.steps or self.options.epochs * self.feed.steps_per_epoch

    def _check_features(self, name: str, select: Selection) -> None:
        if self.net.top is None or not select <= self.net.parts.stage("head"):
            raise ValueError(f"step {name!r} trains on features, so it can select variables of the head only")

    def _budget(self, phase: Phase, model, batches) -> tuple[int, int]:
        """(steps of this phase, steps between two validations).

        Validation follows each pass over the training data. Of a few examples a pass is a step or two, so a budget
        that is not in epochs is validated at most `VALIDATIONS` times a phase.
        """
        o, chunk = self.options, self.feed.steps_per_epoch
        if o.seconds is not None:
            seconds = self.time_a_step(phase, model, batches)
            steps = max(1, round(phase.share * o.seconds / seconds))
            self.record[-1]["measured_seconds_per_step"] = seconds
        else:
            steps = max(1, round(phase.share * self.steps))
        if o.steps or o.seconds:
            chunk = max(chunk, -(-steps // VALIDATIONS))
        return steps, min(chunk, steps)

    def estimate(self, phase: Phase) -> tuple[float, int]:
        """(seconds of training, number of validations) that a phase would take; leaves the weights as they were.

        Of features that would be computed once, one batch is computed and multiplied.
        """
        self.record.append({"step": phase.name})
        self.net.train_only(phase.select)
        before = 0.0
        if phase.inputs == "features" and not self._is_pyramid:
            self._check_features(phase.name, phase.select)
            take = self.feed.take(0, 0)
            seconds, cut = timed(lambda: self.cut(self.data.train.images[take]))
            before = seconds * (len(self.data.train) + len(self.data.val)) / len(take)
            model, batches = self.net.top, lambda number, steps: ((cut, self.feed.targets(take)) for _ in steps)
        else:
            batches, _, model = self._inputs(phase)
        steps, chunk = self._budget(phase, model, batches)
        return before + steps * self.time_a_step(phase, model, batches), -(-steps // chunk)

    def time_a_step(self, phase: Phase, model, batches) -> float:
        """Median seconds of a training step, measured on copies: the weights are put back."""
        kept = [to_numpy(v) for v in self.net.model.variables]
        self._compile(model, phase, TIMED)
        made = iter(batches(len(self.record) - 1, range(TIMED + 2)))
        seconds, _ = timed(lambda: model.train_on_batch(*next(made)))
        assign(self.net.model.variables, kept)
        return seconds

    def _compile(self, model, phase: Phase, steps: int) -> None:
        """The run's optimizer with the phase's terms.

        Batch-norm momentum is max(1 - 10 / steps per epoch, 0.9), unless `--bn keras`.

        Kornblith et al. 2019 (https://arxiv.org/abs/1805.08974).
        """
        o = self.options
        if o.bn == "sound":
            for norm in self.net.norms():
                norm.momentum = max(1 - 10 / self.feed.steps_per_epoch, 0.9)
        rate = SCHEDULES[o.schedule](phase.rate * o.learning_rate, steps)
        average = {"use_ema": True, "ema_momentum": o.ema} if o.ema is not None else {}
        terms = [self._terms(phase, v) for v in model.trainable_variables]
        loss, metrics = self.loss(), self.task.metrics()
        if self.teacher and phase.inputs == "images":
            loss, metrics = self.teacher.loss(loss), self.teacher.metrics(metrics)
        model.compile(optimizer=optimizer(o.optimizer, rate, terms, **average), loss=loss, metrics=metrics)

    def _terms(self, phase: Phase, variable: Any) -> Terms:
        """What holds for a variable in a phase: biases and normalisations do not decay."""
        part = self.net.part_of(variable)
        decays = part.kind in ("kernel", "adapter")
        return Terms(
            rate=phase.rates.get(part.stage, 1.0),
            decay=self.options.weight_decay if decays else 0.0,
            pull=0.0 if part.new else phase.pull,
            shrink=phase.shrink if part.new else 0.0,
        )

    def loss(self) -> Any:
        """What is minimised, class weights and smoothing included."""
        return self.task.loss(self.options.loss, len(self.data.classes), self.options.label_smoothing, self._weights)

    # Features, evaluation

    def _features(self, split: Split) -> tuple[Array, bool]:
        """(features of a split, whether they were computed before)."""
        key = {
            "weights": features.weights_digest([to_numpy(w) for w in self.net.features.weights]),
            "backbone": str(self.net.backbone), "head": str(self.net.head), "shape": self.net.shape,
            "contrast": self.net.contrast, "channels": str(self.net.channels),
            "scaling": repr(self.net.scaling),
            "precision": keras.config.dtype_policy().name, "backend": keras.backend.backend(),
            "keras": keras.__version__,
        }  # fmt: skip
        return features.cached(self.cache, key, split, self.options.batch_size, self.cut)

    def cut(self, images: Array) -> Any:
        """Images (B, h, w, C) uint8 to features, in inference mode; a list of them where they are a pyramid."""
        features = self.net.features.predict_on_batch(self.net.sized(images))
        return [to_numpy(f) for f in features] if self._is_pyramid else to_numpy(features)

    def score(self) -> float:
        return self.evaluate(self.data.val)[0][self.task.SCORE]

    def evaluate(self, split: Split, model=None, inputs: Array | None = None, last: bool = False) -> tuple[dict, Any]:
        """The task's figures over a whole split, none dropped, and the meter that took them: the last or any other."""
        model = self.inference(model or self.net.model)
        meter = (self.task.last_meter if last else self.task.meter)(self.data.classes)
        takes = list(eval_batches(len(split), self.options.batch_size))
        wanted = [take for take, _ in takes]
        read = zip(ahead(split.images if inputs is None else inputs, wanted), ahead(split.labels, wanted), strict=True)
        for (_, real), (images, labels) in zip(takes, read, strict=True):
            x = self.net.sized(images) if inputs is None else images
            probabilities = self.task.probabilities(to_numpy(model.predict_on_batch(x)))
            meter.update(labels[:real], probabilities[:real])
        return meter.result(), meter

    def inference(self, model) -> keras.Model:
        """The same layers in a model that is never compiled, so that its trace outlives each phase's."""
        if id(model) not in self._infer:
            self._infer[id(model)] = keras.Model(model.inputs, model.outputs[0])
        return self._infer[id(model)]


def named(split: str, figures: dict[str, Any]) -> dict[str, float]:
    """A split's single figures, as an epoch's history names them."""
    return {f"{split}_{name}": value for name, value in figures.items() if isinstance(value, float)}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """(median seconds of a call over `TIMED` calls, two more to warm up left out; what the last one gave)."""
    times: list[float] = []
    for _ in range(TIMED + 2):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
    return float(np.median(times[2:])), result
