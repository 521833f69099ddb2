"""One phase of training: fits, validates after each epoch, keeps the best, goes on from where it was interrupted.

The only place that compiles and fits.
"""

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import keras
import numpy as np

from lab.errors import Diverged, Interrupted
from lab.networks.net import assign, to_numpy
from lab.steps import Phase, Recalibrate, Result
from lab.training.interruption import held
from lab.training.learner import Learner
from lab.training.optimizers import Terms
from lab.training.schedules import SCHEDULES

Array = np.ndarray
Best = tuple[float, int, list[Array]]  # score (higher is better), epoch (0: before the first), variables of the model
VALIDATIONS = 50  # in a phase whose budget is in steps or seconds
TIMED = 5  # steps that a budget in seconds is measured by


class Training:
    """A phase of a `lab.training.learner.Learner`, whose last entry in `record` it fills.

    Attributes:
        model: what learns: the network, or its top alone where it learns from features. fitted: it, compiled.
        rate: the learning rate of a step of the phase.
        batches: gives an iterator over inputs and targets of the steps (phase number, steps).
        evaluate: gives the task's figures on validation.
        history: a row for each epoch so far.
        best: the state that is kept so far; None before the first validation.
        begun: the epoch that is not over: steps done, seconds, sums of what Keras measured.
    """

    def __init__(self, trainer: Learner, phase: Phase):
        """Selects what learns; of features, computes them.

        Raises:
            ValueError: the phase selects nothing, or on features more than the head, or takes more of the budget than
                the phases before it left.
        """
        spent = sum(row.get("share", 0.0) for row in trainer.record[:-1])
        if not 0 < phase.share <= 1 - spent + 1e-9:
            raise ValueError(
                f"step {phase.name!r} takes a share of {phase.share:g} of the budget, of which {1 - spent:g} is left; "
                "the shares of a strategy are above 0 and add up to at most 1"
            )
        if not phase.select:
            raise ValueError(f"step {phase.name!r} selects nothing to train")
        self.trainer, self.phase, self.net, self.options = trainer, phase, trainer.net, trainer.options
        self.number = len(trainer.record) - 1
        self.history: list[dict[str, Any]] = []
        self.best: Best | None = None
        self.begun: dict[str, Any] = {"steps": 0, "seconds": 0.0, "sums": {}}
        self.net.train_only(phase.select)
        self.batches, self.evaluate, self.model = self.inputs()

    def variables(self) -> list[Array]:
        """Copies of all variables that may change in the phase, seeds of dropout included."""
        return [to_numpy(v) for v in self.model.variables]

    @property
    def row(self) -> dict[str, Any]:
        """What the run's record says of the phase."""
        return self.trainer.record[-1]

    def run(self) -> Result:
        """Trains for the phase's share of the budget and puts the weights that are kept into the network.

        Raises:
            Diverged: the loss or a weight is no number any more; the best weights so far, or those of before the phase,
                are in the network.
            Interrupted: by a signal; the best weights so far are in the network.
        """
        phase, checkpoint = self.phase, self.trainer.checkpoint
        kept = checkpoint.read("epoch") if checkpoint else None
        if kept and kept[0]["number"] != self.number:  # of the step before, and left by a crash
            kept = None
        steps, chunk = kept[0]["budget"] if kept else self.budget()
        self.compile(steps)
        if kept:
            self._resume(*kept)
        elif phase.or_before:
            self.best = (self.trainer.goodness(), 0, self.variables())
        before = None if self.best else self.variables()
        try:
            for epoch in range(len(self.history), -(-steps // chunk)):
                if self._is_stuck():
                    break
                self._epoch(epoch, range(epoch * chunk, min((epoch + 1) * chunk, steps)), steps, chunk)
        except Interrupted:
            self._leave()
            raise
        except Diverged:  # the latest weights are no numbers, either
            self._leave(instead=before)
            raise
        if self.best is not None:
            assign(self.model.variables, self.best[2])
        taken = self.history[-1]["steps"]
        self.row.update(self._told(chunk))
        return Result(phase.name, self.best[0] if self.best else 0.0, taken, self.history)

    def _told(self, chunk: int) -> dict[str, Any]:
        """What the record says of the phase when it is over."""
        phase, keeps_last = self.phase, self._keeps_last and not self.phase.or_before
        best = f"best validation {self.trainer.task.score}" + (", or before" if phase.or_before else "")
        return {
            "share": phase.share, "rate": phase.rate, "inputs": phase.inputs, "steps": self.history[-1]["steps"],
            "steps_per_epoch": chunk, "history": self.history, "trained": self.net.parts.learning(phase.select),
            **({"rates": dict(phase.rates)} if phase.rates else {}),
            **({"pull": phase.pull, "shrink": phase.shrink} if phase.pull or phase.shrink else {}),
            "kept_epoch": self.best[1] if self.best else None,
            "kept_because": "last epoch" if keeps_last else best,
            "batch_norm": self.net.batch_norm(),
        }  # fmt: skip

    # An epoch

    def _epoch(self, epoch: int, steps: range, total: int, chunk: int) -> None:
        """Trains the steps, validates, and writes down how far the phase is."""
        phase, trainer = self.phase, self.trainer
        logs = self._fit(epoch, steps, (total, chunk))
        seconds = self.begun["seconds"]
        raw = self._average() if self.options.ema is not None else None
        if phase.or_before and self.options.bn != "keras":  # else it would be stale statistics that decide
            trainer.reestimate(phase.select & self.net.parts.kind("statistics"), batches=Recalibrate.batches)
            self.net.train_only(phase.select)
        val = self.evaluate()
        row = {"epoch": epoch + 1, "steps": steps.stop, "seconds": seconds, **logs, **_named("val", val)}
        if self.options.watch == "test":
            row |= _named("test", trainer.evaluate(trainer.data.test)[0])
        with held():  # else what is told of the epoch and what is kept of it might part
            self._take(row, val, -(-total // chunk))
            if raw is not None:
                assign(self.model.trainable_variables, raw)
            self.begun = {"steps": 0, "seconds": 0.0, "sums": {}}
            self._keep((total, chunk))

    def _take(self, row: dict[str, Any], val: dict[str, Any], epochs: int) -> None:
        """Tells what an epoch gave, and keeps its weights if they are the best.

        Raises:
            Diverged: they are no numbers.
        """
        trainer, name = self.trainer, self.phase.name
        self.history.append(row)
        score, goodness = val[trainer.task.score], trainer.task.goodness(val)
        before = sum(r.steps for r in trainer.results)
        trainer.progress({"phase": name, "before": before, "epochs": epochs, "score": score, **row})
        if self._is_best(goodness):
            kept = self.variables()
            if not all(np.isfinite(v).all() for v in kept):  # which a score need not show: a ReLU makes 0 of nan
                raise self._diverged("weights became nan or infinite", f"in epoch {row['epoch']}")
            self.best = (goodness, row["epoch"], kept)

    def _fit(self, epoch: int, steps: range, budget: tuple[int, int]) -> dict[str, float]:
        """Trains the steps that are left and gives the means of what Keras measured while all ran.

        Interrupted, it writes down how far it is: nothing but the step in progress is waited for.
        """
        name, every, left = self.phase.name, self.options.checkpoint_every, steps[self.begun["steps"] :]
        began = time.perf_counter()
        try:
            for step, (x, y) in zip(left, self.batches(self.number, left), strict=True):
                with held(unless=lambda: not self.fitted.is_traced):  # which takes a minute where cores have other work
                    logs = self._step(step, x, y)
                    if not np.isfinite(logs["loss"]):
                        raise self._diverged(f"loss became {logs['loss']}", f"epoch {epoch + 1}, step {step + 1}")
                    now, b = time.perf_counter(), self.begun
                    sums = {name: b["sums"].get(name, 0.0) + float(value) for name, value in logs.items()}
                    self.begun = {"steps": b["steps"] + 1, "seconds": b["seconds"] + now - began, "sums": sums}
                    began = now
                mean = self.begun["sums"]["loss"] / self.begun["steps"]
                at = {"epoch": epoch + 1, "step": step + 1, "steps": budget[0]}
                self.trainer.progress({"phase": name, **at, "loss": mean})
                if every and (step + 1) % every == 0 and step + 1 < steps.stop:
                    self._keep(budget)
                    began = time.perf_counter()
        except Interrupted:
            if self.begun["steps"]:
                self._keep(budget)
            raise
        return {k: v / len(steps) for k, v in self.begun["sums"].items()}

    def _step(self, step: int, x: Any, y: Any) -> dict[str, float]:
        """A step on a batch, in as many parts as memory asks for; what Keras measured, the mean over the parts."""
        self.fitted.optimizer.learning_rate = self.rate(step)
        if self.options.parts == 1:
            return self.fitted.train_on_batch(x, y, return_dict=True)
        ends = np.linspace(0, len(keras.tree.flatten(y)[0]), self.options.parts + 1).astype(int)
        parts = []
        for a, b in pairwise(ends):  # a head may take several features, a task have several targets
            part = keras.tree.map_structure(lambda it, a=a, b=b: it[a:b], (x, y))
            parts.append(self.fitted.train_on_batch(*part, return_dict=True))
        return {k: float(np.mean([p[k] for p in parts])) for k in parts[0]}

    def _average(self) -> list[Array]:
        """Puts the averages of the weights, under `--ema`, into the model; returns what training goes on from."""
        learning = self.model.trainable_variables
        raw = [to_numpy(v) for v in learning]
        self.fitted.optimizer.finalize_variable_values(learning)
        # copies: JAX frees what a model predicts with, and the optimizer still holds the averages
        assign(learning, [to_numpy(v) for v in learning])
        return raw

    def _is_best(self, score: float) -> bool:
        """Whether the state now is the one to keep: the latest of equals, but not than before a phase."""
        if self.best is None:
            return True
        return score > self.best[0] if self.phase.or_before else score >= self.best[0] or self._keeps_last

    @property
    def _keeps_last(self) -> bool:
        return self.options.keep == "last"

    def _is_stuck(self) -> bool:
        """Whether `--patience` is at its end: so many epochs since the best one."""
        task = self.trainer.task
        scores = [task.sign * h[f"val_{task.score}"] for h in self.history]
        patience = self.options.patience
        return bool(scores) and patience is not None and len(scores) - 1 - int(np.argmax(scores)) >= patience

    # Interruption

    def _keep(self, budget: tuple[int, int]) -> None:
        """Writes down how far the phase is."""
        if self.trainer.checkpoint:
            score, epoch, best = self.best or (None, None, [])
            about = {"number": self.number, "budget": budget, "history": self.history, "best": (score, epoch)}
            self.trainer.checkpoint.write(
                "epoch", about | {"spent": self.trainer.spent, "begun": self.begun},
                variables=self.variables(),
                optimizer=[to_numpy(v) for v in self.fitted.optimizer.variables], best=best,
            )  # fmt: skip

    def _resume(self, about: dict[str, Any], arrays: dict[str, list[Array]]) -> None:
        """Puts everything that changes in a phase back."""
        assign(self.model.variables, arrays["variables"])
        assign(self.fitted.optimizer.variables, arrays["optimizer"])
        self.row["resumed_after_epoch"] = len(about["history"])
        self.trainer.resumed_with(about["spent"])
        score, epoch = about["best"]
        self.history, self.begun = about["history"], about["begun"]
        self.best = None if score is None else (score, epoch, arrays["best"])

    def _diverged(self, what: str, where: str) -> Diverged:
        rate = self.options.learning_rate
        return Diverged(f"the {what} in phase {self.phase.name!r}, {where}; try a --learning-rate below {rate:g}")

    def _leave(self, instead: list[Array] | None = None) -> None:
        """Ends a phase too early with the best weights so far; before there are any, with the latest, or others."""
        if kept := self.best[2] if self.best else instead:
            assign(self.model.variables, kept)
        epoch = self.best[1] if self.best else None
        self.row.update({"history": self.history, "interrupted": True, "kept_epoch": epoch})

    # What is trained, on what, for how long

    def inputs(self) -> tuple[Callable[..., Any], Callable[[], dict], Any]:
        """(batches, evaluate, model); see the attributes."""
        trainer, net = self.trainer, self.net
        if self.phase.inputs == "images":
            feed = trainer.feed.batches
            batches = trainer.teacher.batches(feed) if trainer.teacher else feed
            return batches, lambda: trainer.evaluate(trainer.data.val)[0], net.model
        trainer.check_features(self.phase.name, self.phase.select)
        if trainer.is_pyramid:
            self.row["features"] = "computed for each batch: a pyramid's are too many to be kept"
            return partial(trainer.feed.through, trainer.cut), lambda: trainer.evaluate(trainer.data.val)[0], net.top
        (cut, read), _ = trainer.features(trainer.data.train), trainer.features(trainer.data.val)
        self.row["features"] = "read from the cache" if read else "computed"
        return partial(trainer.feed.of, cut), lambda: trainer.evaluate(trainer.data.val)[0], net.top

    def budget(self) -> tuple[int, int]:
        """(steps of this phase, steps between two validations).

        Validation follows each pass over the training data. Of a few examples a pass is a step or two, so a budget
        that is not in epochs is validated at most `VALIDATIONS` times a phase.
        """
        o, chunk, share = self.options, self.trainer.feed.steps_per_epoch, self.phase.share
        if o.seconds is not None:
            seconds = self.time_a_step()
            steps = max(1, round(share * o.seconds / seconds))
            self.row["measured_seconds_per_step"] = seconds
        else:
            steps = max(1, round(share * self.trainer.steps))
        if o.steps or o.seconds:
            chunk = max(chunk, -(-steps // VALIDATIONS))
        return steps, min(chunk, steps)

    def time_a_step(self) -> float:
        """Median seconds of a training step, measured on copies: the weights are put back."""
        kept = self.variables()
        self.compile(TIMED)
        made = iter(self.batches(self.number, range(TIMED + 2)))
        seconds, _ = timed(lambda: self._step(0, *next(made)))
        assign(self.model.variables, kept)
        return seconds

    def compile(self, steps: int) -> None:
        """The run's optimizer with the phase's terms, its schedule over so many steps."""
        o, trainer, phase = self.options, self.trainer, self.phase
        more: dict[str, Any] = {"gradient_accumulation_steps": o.parts} if o.parts > 1 else {}
        if o.ema is not None:  # Keras averages after each part
            more |= {"use_ema": True, "ema_momentum": o.ema ** (1 / o.parts)}
        teacher = trainer.teacher if phase.inputs == "images" else None
        self.fitted = trainer.compiled(self.model, o.optimizer, self._terms, teacher, **more)
        self.rate = SCHEDULES[o.schedule](phase.rate * o.learning_rate, steps)

    def _terms(self, variable: Any) -> Terms:
        """What holds for a variable in the phase: biases and normalisations do not decay."""
        part, phase = self.net.part_of(variable), self.phase
        decays = part.kind in ("kernel", "adapter")
        return Terms(
            rate=phase.rates.get(part.stage, 1.0),
            decay=self.options.weight_decay if decays else 0.0,
            pull=0.0 if part.new else phase.pull,
            shrink=phase.shrink if part.new else 0.0,
        )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """(median seconds of a call over `TIMED` calls, two more to warm up left out; what the last one gave)."""
    times: list[float] = []
    for _ in range(TIMED + 2):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
    return float(np.median(times[2:])), result


def _named(split: str, figures: dict[str, Any]) -> dict[str, float]:
    """A split's single figures, as an epoch's history names them."""
    return {f"{split}_{name}": value for name, value in figures.items() if isinstance(value, float)}
