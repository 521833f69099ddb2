"""Executes the steps of a strategy on a network and its data; see `lab.training.phase` for a step that trains.

After every step it proves what moved: whatever was not selected is bit-identical, and what was
selected is not. A frozen part that moved fails the run.
"""

import time
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.networks.net import assign, to_numpy
from lab.probes import label_table
from lab.steps import Adapt, Fit, Match, Own, Phase, Problem, Recalibrate, Result, Selection, Step
from lab.training.learner import Learner
from lab.training.phase import Training
from lab.training.proof import moved

Array = np.ndarray


class Trainer(Learner):
    """A `Learner` that has a strategy's steps executed, one at a time."""

    def __init__(self, *given: Any, **named: Any):
        """As `Learner`."""
        super().__init__(*given, **named)
        self._resumed = self.checkpoint.read("step") if self.checkpoint else None

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
            self.checkpoint.write("step", about, variables=self.variables())
            self.checkpoint.remove("epoch")
        return result

    def _again(self, step: Step, about: dict[str, Any], arrays: dict[str, list[Array]]) -> Result:
        """What a finished step gave: the network gets the same parts, and after the last one its weights."""
        number = len(self.results)
        self.record.append(about["record"][number])
        self._cut = {} if self.is_on_features(step) else None
        if isinstance(step, Adapt):
            self.net.adapt(step.rank)
        elif isinstance(step, Match):
            self.net.match(np.zeros(self.record[-1]["matched"], "float32"))
        elif isinstance(step, Fit) and self.record[-1]["probe"]:
            self.net.put_layer(self.record[-1]["probe"])
        self.results.append(Result(**{**about["results"][number], "parts": self.net.parts}))
        if len(self.results) == len(about["results"]):
            assign(self.net.model.variables, arrays["variables"])
            self.resumed_with(about["spent"])
        return self.results[-1]

    def variables(self) -> list[Array]:
        """Copies of all variables of the network, seeds of dropout included."""
        return [to_numpy(v) for v in self.net.model.variables]

    def _do(self, step: Step) -> tuple[Result, Selection]:
        """(what the step gave, the variables that it may have moved; what is new in the network is in none)."""
        self._cut = {} if self.is_on_features(step) else None
        if isinstance(step, Phase):
            return Training(self, step).run(), step.select
        if isinstance(step, Own):
            self.net.train_only(step.select)
            return step.train(self), step.select
        if isinstance(step, Recalibrate):
            return self._recalibrate(step), step.select & self.net.parts.kind("statistics")
        if isinstance(step, Fit):
            return self._fit(step), self.net.parts.stage("head")
        return (self._adapt(step) if isinstance(step, Adapt) else self._match(step)), Selection()

    def _recalibrate(self, step: Recalibrate) -> Result:
        chosen = step.select & self.net.parts.kind("statistics")
        if not chosen or self.options.bn == "keras":
            self.record[-1]["skipped"] = "--bn keras" if chosen else "no batch-norm statistics to re-estimate"
            return Result(step.name, self.goodness())
        sign = self.task.sign
        before = self.results[-1].score if self.results else self.goodness()
        self.record[-1] |= {"score_before": sign * before, "batches": self.reestimate(chosen, step.batches)}
        after = self.goodness()
        self.record[-1]["score_after"] = sign * after
        return Result(step.name, after)

    def _adapt(self, step: Adapt) -> Result:
        """Adds low-rank matrices to the backbone's kernels; Hu et al. 2021, section 4.1."""
        self.record[-1]["adapted"] = self.net.adapt(step.rank)
        return Result(step.name, self.goodness(), parts=self.net.parts)

    def _fit(self, step: Fit) -> Result:
        """Has the head found from the features of training and validation."""
        self.check_features(step.name, self.net.parts.new)
        if self.is_pyramid:
            raise BadInput("a probe fits one label an image; for masks take extract, a head on frozen features")
        (x, read), (x_val, _) = self.features(self.data.train), self.features(self.data.val)
        y, y_val = self.data.train.labels, self.data.val.labels

        def tell(what: str, done: int, of: int) -> None:
            self.progress({"phase": step.name, "what": what, "step": done, "steps": of})

        found = step.solve(Problem(x, y, x_val, y_val, self.task.outputs, self.options.seed, tell))
        self.net.put(found)
        self.record[-1] |= {
            "features": "read from the cache" if read else "computed",
            "found": found.about,
            "probe": self.net.probe,
        }
        return Result(step.name, self.goodness())

    def _match(self, step: Match) -> Result:
        """Counts p(label | source class) over the training set."""
        meter = self.evaluate(self.data.train)[1]
        labels = self.task.encode(self.data.train.labels)
        table = label_table.table(meter.probabilities, labels)
        self.net.match(table)
        self.record[-1]["matched"] = table.shape
        return Result(step.name, self.goodness())
