"""What a run would take: a few steps of each of its phases are timed, and nothing is kept."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.environment import peak_memory
from lab.opening import open_trainer
from lab.spec import Resolved
from lab.steps import Adapt, Phase, Result


def dry(resolved: Resolved, order: dict, tell: Callable[[dict], None]) -> dict[str, Any]:
    """Times a few steps of each phase and adds up what the run would take; trains and writes nothing."""
    trainer = open_trainer(resolved, Path(order["root"]), tell)
    plan: Any = resolved.strategy.steps(trainer.net.parts)
    result, total = None, 0.0
    began = time.perf_counter()
    trainer.evaluate(trainer.data.val)
    validation = time.perf_counter() - began
    parameters, trained = trainer.net.model.count_params(), 0
    while True:
        try:
            step = plan.send(result)
        except StopIteration:
            break
        if isinstance(step, Phase):
            trained = max(trained, trainer.net.parts.learning(step.select))
            seconds, validations = trainer.estimate(step)
            total += seconds + validations * validation
        result = trainer.execute(step) if isinstance(step, Adapt) else Result(step.name, 0.0)
    total += validation * sum(len(s) for s in trainer.data.splits().values()) / len(trainer.data.val)
    return {"hours": total / 3600, "peak_memory_mb": peak_memory(), "parameters": parameters, "trained": trained}
