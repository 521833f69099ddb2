"""Batch-norm statistics that are, or will be, stale: the mistake that this lab was founded on."""

from typing import Any

from lab.checks import Finding, finding
from lab.networks.net import assign
from lab.training.learner import Learner

LEFT = 0.05  # share of the initial statistics that may remain
GAP = 0.2  # train figure above test figure by which statistics are suspected
GAIN = 0.05  # of the test figure that re-estimation must bring for the suspicion to hold


def check(trainer: Learner) -> Finding | None:
    """Batch-norm momentum too slow for the budget; only possible under `--bn keras`."""
    o = trainer.options
    norms = trainer.net.norms()
    if o.bn != "keras" or not norms or o.seconds is not None:
        return None
    momentum, steps = max(n.momentum for n in norms), trainer.steps
    if (left := momentum**steps) <= LEFT:
        return None
    return finding(
        f"batch-norm momentum {momentum:g} over {steps} steps leaves {left:.0%} of the initial statistics",
        "evaluation normalises with those statistics, training with each batch's own",
        "leave out --bn keras",
    )


def after(trainer: Learner, trained: float, test: dict[str, Any]) -> Finding | None:
    """Stale batch-norm statistics: good in training, bad in evaluation, mended without changing a weight.

    `trained` is what training itself reported (with each batch's statistics) of the figure that the task says. The
    test figures of the run are not touched: the re-estimated ones are reported beside them.
    """
    name = trainer.task.monitored
    before = test[name] or 0.0
    if trained - before < GAP or not any(s.get("history") for s in trainer.record):
        return None
    statistics = trainer.net.parts.kind("statistics")
    if not statistics:
        return None
    kept = trainer.net.values()
    trainer.reestimate(statistics, 150)
    mended = trainer.evaluate(trainer.data.test)[0][name] or 0.0
    assign(trainer.net.model.weights, kept)
    if mended - before < GAIN:
        return None
    return finding(
        f"train {trained:.2f}, test {before:.2f}: batch-norm statistics are stale; recalibrated: {mended:.2f}",
        "no weight was changed for it: the network had learnt, its evaluation was wrong",
        "leave out --bn keras",
        **{f"train_{name}": trained, f"test_{name}": before, f"recalibrated_test_{name}": mended},
    )


def reported(steps: list[dict[str, Any]], name: str) -> float:
    """What the last phase reported of the training set in the epoch that was kept: the figure of this name."""
    phases = [s for s in steps if s.get("history")]
    return phases[-1]["history"][phases[-1]["kept_epoch"] - 1][name] if phases else 0.0
