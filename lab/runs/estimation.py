"""What a run would take: a few steps of each of its phases are timed, and nothing is kept."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.environment import peak_memory
from lab.runs.kept import Kept
from lab.runs.setup import open_trainer
from lab.runs.spec import Resolved
from lab.steps import Adapt, Phase, Result, Step, follow
from lab.training.phase import Training, timed


class Estimated(Training):
    """A phase that is timed and not trained; of features that it would compute once, it computes one batch."""

    before = 0.0  # seconds that the features would take

    def inputs(self):
        trainer = self.trainer
        if self.phase.inputs == "images" or trainer.is_pyramid:
            return super().inputs()
        trainer.check_features(self.phase.name, self.phase.select)
        take = trainer.feed.take(0, 0)
        seconds, cut = timed(lambda: trainer.cut(trainer.data.train.images[take]))
        self.before = seconds * (len(trainer.data.train) + len(trainer.data.val)) / len(take)
        targets = trainer.feed.targets(take)
        return lambda number, steps: ((cut, targets) for _ in steps), dict, self.net.top

    def cost(self) -> tuple[float, int]:
        """(seconds of training, number of validations) that it would take; leaves the weights as they were."""
        steps, chunk = self.budget()
        return self.before + steps * self.time_a_step(), -(-steps // chunk)


def dry(resolved: Resolved, order: dict, tell: Callable[[dict], None], kept: Kept | None = None) -> dict[str, Any]:
    """Times a few steps of each phase and adds up what the run would take; trains and writes nothing."""
    trainer = open_trainer(resolved, Path(order["root"]), tell, kept=kept)
    began = time.perf_counter()
    trainer.evaluate(trainer.data.val)
    validation = time.perf_counter() - began
    parameters, trained = trainer.net.model.count_params(), 0
    total = validation * sum(len(s) for s in trainer.data.splits().values()) / len(trainer.data.val)

    def do(step: Step) -> Result:
        nonlocal total, trained
        if isinstance(step, Phase):
            trained = max(trained, trainer.net.parts.learning(step.select))
            trainer.record.append({"step": step.name})
            seconds, validations = Estimated(trainer, step).cost()
            total += seconds + validations * validation
        return trainer.execute(step) if isinstance(step, Adapt) else Result(step.name, 0.0)

    follow(resolved.strategy.steps(trainer.net.parts), do)
    return {"hours": total / 3600, "peak_memory_mb": peak_memory(), "parameters": parameters, "trained": trained}
