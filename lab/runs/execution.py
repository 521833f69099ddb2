"""What a run does: asks its strategy for steps, has them executed, measures, and gives the record."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab import checks
from lab.checks import guessing, statistics
from lab.environment import environment, forget_peak, now, peak_memory
from lab.errors import Diverged, Interrupted
from lab.files import replacing
from lab.inputs.bands import recorded
from lab.networks import explaining
from lab.networks.features import weights_digest
from lab.networks.flops import gflops
from lab.records import examples, predictions, store
from lab.records.artifacts import path_of
from lab.runs import inference_cost
from lab.runs.kept import Kept
from lab.runs.setup import open_trainer
from lab.runs.spec import Resolved
from lab.steps import Result, Step, follow
from lab.training.interruption import deaf


def execute(resolved: Resolved, order: dict, tell: Callable[[dict], None], kept: Kept | None = None) -> dict[str, Any]:
    """Trains and measures; returns the record and leaves weights and predictions beside it.

    Interrupted, or when the loss is not a number any more, it leaves the best weights so far, and a record that says
    so.
    """
    began, started = time.perf_counter(), now()
    forget_peak()
    trainer = open_trainer(resolved, Path(order["root"]), tell, order["experiment"], order["parts"], kept)
    findings = look(trainer, tell, run.checks == "all") if (run := resolved.run).checks != "none" else []
    try:
        drive(resolved, trainer, tell)
        seconds, cpu_seconds = trainer.spent
        tell({"event": "note", "text": "evaluating"})
        measured = measure(resolved, order, trainer, findings, tell)
    except Interrupted:
        deaf()
        seconds, cpu_seconds = trainer.spent
        measured = {"status": "interrupted", "cost": {}}
    except Diverged as error:
        seconds, cpu_seconds = trainer.spent
        measured = {"status": "failed", "error": str(error), "cost": {}}
    file = save(resolved, order, trainer)
    measured["cost"] |= {
        "train_seconds": seconds,
        "train_cpu_seconds": cpu_seconds,
        "seconds": time.perf_counter() - began,
        "peak_memory_mb": peak_memory(),
        "file_mb": file.stat().st_size / 1e6,
        "gflops": gflops(trainer.net.model),
    }
    return {
        **measured,
        "data": describe_data(trainer.data) | {"shareable": resolved.dataset.shareable},
        "net": describe_net(trainer),
        "steps": trainer.record,
        "findings": findings,
        "found": trainer.found,
        **({"parts": order["parts"]} if order["parts"] > 1 else {}),
        **({"runs_before": kept.runs} if kept and kept.runs else {}),
        "environment": environment(),
        "started": started,
        "finished": now(),
    }


def measure(resolved: Resolved, order: dict, trainer, findings: list, tell: Callable[[dict], None]) -> dict[str, Any]:
    """Every split's figures and the cost of inference; leaves the predictions beside the record."""
    data, root = trainer.data, Path(order["root"])
    scores = {name: trainer.evaluate(split, last=name == "test") for name, split in data.splits().items()}
    cost = inference_cost.cost(trainer)
    stale = statistics.after(trainer, statistics.reported(trainer.record, trainer.task.monitored), scores["test"][0])
    if wrong := stale or guessing.after(trainer, scores["train"][0]):  # a stale net is worse than a guess, too
        tell({"event": "finding", **wrong})
        findings.append(wrong)
    left = trainer.task.left(data, {name: meter for name, (_, meter) in scores.items()})
    predictions.write(root, order["experiment"], resolved.stem, left)
    examples.keep(resolved.dataset, root, data)
    if resolved.run.explain:
        tell({"event": "note", "text": "explaining"})
        found = explaining.explained(trainer, scores["test"][1].probabilities)
        found.write(path_of(root, order["experiment"], resolved.stem, "explained"))
    return {"status": "done", "cost": cost, **{name: result for name, (result, _) in scores.items()}}


def save(resolved: Resolved, order: dict, trainer) -> Path:
    """Writes the weights into the cache."""
    file = store.cache(Path(order["root"]), order["experiment"]) / f"{resolved.stem}.weights.h5"
    with replacing(file) as partial:
        trainer.net.save(partial)
    return file


def look(trainer, tell: Callable[[dict], None], every: bool) -> list[dict[str, Any]]:
    """The findings of the checks, each told as it is made."""
    tell({"event": "note", "text": "checking"})
    found = []
    for what, finding in checks.before(trainer, every):
        tell({"event": "finding", **finding} if finding else {"event": "looked", "what": what})
        found += [finding] if finding else []
    return found


def doctor(resolved: Resolved, order: dict, tell: Callable[[dict], None], kept: Kept | None = None) -> dict[str, Any]:
    """Makes every check and trains nothing that lasts."""
    trainer = open_trainer(resolved, Path(order["root"]), tell, kept=kept)
    return {"findings": look(trainer, tell, every=True), "environment": environment(), "found": trainer.found}


def drive(resolved: Resolved, trainer, tell: Callable[[dict], None]) -> None:
    """Has the steps of the run's strategy executed, each told as it begins."""

    def do(step: Step) -> Result:
        tell({"event": "note", "text": step.name})
        return trainer.execute(step)

    follow(resolved.strategy.steps(trainer.net.parts), do)


def describe_data(data) -> dict[str, Any]:
    """What the record says of the data."""
    return {
        "digest": data.digest,
        "shape": data.shape,
        "splits": {n: {"examples": len(s), "digest": s.digest} for n, s in data.splits().items()},
        "classes": data.classes,
        **({"numbers": data.numbers} if data.numbers else {}),
        "source": data.source,
        "left_out": data.left_out,
        **({"palette": data.palette} if data.palette else {}),
        **({"bands": recorded(data.bands)} if data.bands else {}),
        **({"table": data.table.record()} if data.table else {}),
    }


def describe_net(trainer) -> dict[str, Any]:
    """What the record says of the network as it is now."""
    net = trainer.net
    return {
        "shape": net.shape,
        "head": str(net.head) if net.head else "its own",
        "outputs": net.outputs,
        "matched_from": net.matched_from,
        **({"probe": net.probe} if net.probe else {}),
        **({"task": said} if (said := trainer.task.record()) else {}),
        "scaling": net.scaling and net.scaling.record(),
        "stages": net.stages,
        "weights_digest": weights_digest(net.values()),
        "parameters": net.model.count_params(),
        "trained": max([0, *(s.get("trained", 0) for s in trainer.record)]),
    }
