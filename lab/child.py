"""One run, in a process of its own: reads what to do from standard input, tells what happens in JSON lines.

Its own process, so that peak memory is the run's, a crash is one run's, and a backend starts clean.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from lab.bands import chosen, recorded
from lab.environment import device, environment, now, peak_memory
from lab.errors import BadInput, Interrupted, Unavailable
from lab.process import INTERRUPTED
from lab.spec import Resolved, Run, dropped, resolve

REPORTED = 0.2  # seconds between two reports of a step


def main() -> int:
    """Does the run that standard input describes.

    Exit codes: 0 done, 2 refused, 3 unavailable, 4 interrupted (by SIGTERM, which the runner sends), 1 failed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us, too; the runner decides
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    order = json.load(sys.stdin)
    tell = _teller()
    try:
        resolved = resolve(Run(**order["run"]), Path(order["root"]))
        work = {"run": execute, "dry": dry, "doctor": doctor, "rank": rank}[order["what"]]
        record = work(resolved, order, tell)
        tell({"event": "end", "record": record})
        return INTERRUPTED if record.get("status") == "interrupted" else 0
    except Interrupted:
        return INTERRUPTED
    except (BadInput, Unavailable) as error:
        tell({"event": "end", "error": str(error)})
        return 2 if isinstance(error, BadInput) else 3
    except Exception as error:
        traceback.print_exc()
        tell({"event": "end", "error": f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"})
        return 1


def execute(resolved: Resolved, order: dict, tell: Callable[[dict], None]) -> dict[str, Any]:
    """Trains and measures; returns the record and leaves weights and predictions beside it.

    Interrupted, it leaves the best weights so far, and a record that says so.
    """
    from lab.flops import gflops

    began, started = time.perf_counter(), now()
    trainer = open_trainer(resolved, Path(order["root"]), tell, order["experiment"])
    findings = look(trainer, tell, run.checks == "all") if (run := resolved.run).checks != "none" else []
    try:
        drive(resolved, trainer, tell)
        seconds, cpu_seconds = trainer.spent
        tell({"event": "note", "text": "evaluating"})
        measured = measure(resolved, order, trainer, findings, tell)
    except Interrupted:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        seconds, cpu_seconds = trainer.spent
        measured = {"status": "interrupted", "cost": {}}
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
        "environment": environment(),
        "started": started,
        "finished": now(),
    }


def measure(resolved: Resolved, order: dict, trainer, findings: list, tell: Callable[[dict], None]) -> dict[str, Any]:
    """Every split's figures and the cost of inference; leaves the predictions beside the record."""
    from lab import examples, inference
    from lab.checks import statistics

    data, root = trainer.data, Path(order["root"])
    scores = {name: trainer.evaluate(split, last=name == "test") for name, split in data.splits().items()}
    cost = inference.cost(trainer)
    if stale := statistics.after(trainer, statistics.trained_accuracy(trainer.record), scores["test"][0]):
        tell({"event": "finding", **stale})
        findings.append(stale)
    trainer.task.keep(
        root, order["experiment"], resolved.stem, data, {name: meter for name, (_, meter) in scores.items()}
    )
    examples.keep(resolved, root, data)
    return {"status": "done", "cost": cost, **{name: result for name, (result, _) in scores.items()}}


def save(resolved: Resolved, order: dict, trainer) -> Path:
    """Writes the weights into the cache."""
    from lab import store

    file = store.cache(Path(order["root"]), order["experiment"]) / f"{resolved.stem}.weights.h5"
    with store.replacing(file) as partial:
        trainer.net.save(partial)
    return file


def look(trainer, tell: Callable[[dict], None], every: bool) -> list[dict[str, Any]]:
    """The findings of the checks, each told as it is made."""
    from lab import checks

    tell({"event": "note", "text": "checking"})
    found = []
    for what, finding in checks.before(trainer, every):
        tell({"event": "finding", **finding} if finding else {"event": "looked", "what": what})
        found += [finding] if finding else []
    return found


def doctor(resolved: Resolved, order: dict, tell: Callable[[dict], None]) -> dict[str, Any]:
    """Makes every check and trains nothing that lasts."""
    trainer = open_trainer(resolved, Path(order["root"]), tell)
    return {"findings": look(trainer, tell, every=True), "environment": environment(), "found": trainer.found}


def rank(resolved: Resolved, order: dict, tell: Callable[[dict], None]) -> dict[str, Any]:
    """Scores how well the source suits the data, on a sample of the training split; trains nothing."""
    began, cpu = time.perf_counter(), time.process_time()
    trainer = open_trainer(resolved, Path(order["root"]), tell)
    import numpy as np
    from threadpoolctl import threadpool_limits

    from lab.features import computed
    from lab.transferability import h_score, leep, logme, nce, probe

    tell({"event": "note", "text": "scoring"})
    seed = resolved.run.seed
    sample = sampled(trainer.data.train, order["sample"], seed)
    features, labels = computed(sample, resolved.run.batch_size, trainer.cut), sample.labels
    if not np.isfinite(features).all():
        raise BadInput(f"{resolved.backbone} from {resolved.choices['weights']} gives features that are not finite")
    predicted, reason = predicted_by_source(resolved, trainer, sample)
    # the matrices are small: more threads mostly wait for each other, many times longer where cores have other work
    with threadpool_limits(1):
        scores = {"logme": logme(features, labels), "h_score": h_score(features, labels)}
        scores["probe"] = probe(features, labels, seed)
    if predicted is not None:
        scores |= {"leep": leep(predicted, labels), "nce": nce(predicted.argmax(axis=1), labels)}
    return {
        "scores": scores,
        "no_classifier": reason,
        "features": features.shape[1],
        "sample": {"examples": len(sample), "classes": len(np.unique(labels)), "digest": sample.digest},
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "environment": environment(),
    }


def sampled(train, count: int, seed: int):
    """About `count` examples of a split, of all classes in their proportions.

    Raises:
        BadInput: there are too few to score anything by.
    """
    import numpy as np

    from lab.datasets import stratified

    share = min(1.0, count / len(train))
    sample = train.take(stratified(train.labels, (share, 1 - share), seed)[0])
    each = np.unique(sample.labels, return_counts=True)[1]
    if len(each) < 2 or each.max() < 2:
        raise BadInput(
            f"--sample {count} gives {len(sample)} examples of {len(each)} classes; scores take two classes, and two "
            f"examples of one of them: take a larger sample of the {len(train):,} training examples"
        )
    return sample


def predicted_by_source(resolved: Resolved, trainer, sample) -> tuple[Any, str | None]:
    """(probabilities (N, Z) of the source's own classes, None), or (None, why it has no classifier)."""
    from lab.features import computed
    from lab.load import open_net
    from lab.net import to_numpy

    if resolved.source is None:
        return None, "random weights have no classifier"
    if resolved.source.meta.get("choices", {}).get("task") == "segmentation":
        return None, f"{resolved.source.label} labels pixels, not images"
    shape, outputs, inputs = trainer.net.shape, trainer.net.outputs, inputs_of(resolved, trainer.data)
    try:
        net = open_net(
            resolved.backbone, shape, resolved.head, outputs, resolved.source, True, resolved.run.contrast, **inputs
        )
    except (BadInput, Unavailable) as error:
        return None, str(error)
    logits = computed(sample, resolved.run.batch_size, lambda x: to_numpy(net.model.predict_on_batch(net.sized(x))))
    return trainer.task.probabilities(logits), None


def describe_data(data) -> dict[str, Any]:
    """What the record says of the data."""
    return {
        "digest": data.digest,
        "shape": data.shape,
        "splits": {n: {"examples": len(s), "digest": s.digest} for n, s in data.splits().items()},
        "classes": data.classes,
        "source": data.source,
        "left_out": data.left_out,
        **({"palette": data.palette} if data.palette else {}),
        **({"bands": recorded(data.bands)} if data.bands else {}),
        **({"table": data.table.record()} if data.table else {}),
    }


def describe_net(trainer) -> dict[str, Any]:
    """What the record says of the network as it is now."""
    from lab.features import weights_digest

    net = trainer.net
    return {
        "shape": net.shape,
        "head": str(net.head) if net.head else "its own",
        "outputs": net.outputs,
        "matched_from": net.matched_from,
        **({"probe": net.probe} if net.probe else {}),
        "scaling": net.scaling and net.scaling.record(),
        "stages": net.stages,
        "weights_digest": weights_digest(net.values()),
        "parameters": net.model.count_params(),
        "trained": max([0, *(s.get("trained", 0) for s in trainer.record)]),
    }


def open_trainer(resolved: Resolved, root: Path, tell: Callable[[dict], None], experiment: str | None = None):
    """Data and network as the run wants them, under its seed and precision.

    A run of an `experiment` writes down how far it is, and goes on from where it was interrupted.
    """
    run = resolved.run
    tell({"event": "note", "text": "reading data"})
    from lab.data import checked, hw

    data = checked(resolved.dataset.load(resolved.data_dir).without(dropped(run.drop_classes))).limited(run.limit)
    data = data.few(resolved.choices["shots"], run.seed)
    tell({"event": "note", "text": "building"})
    import keras

    from lab import store
    from lab.load import open_net
    from lab.reading import kept
    from lab.train import Options, Trainer

    repeatable()
    decoded = store.cache(root, "images")
    data = data.each(lambda split: kept(split, run.image_cache, decoded))
    keras.utils.set_random_seed(run.seed)
    keras.config.set_dtype_policy(run.precision)
    task = import_module(f"lab.tasks.{resolved.dataset.task}")
    own_top = resolved.strategy.head == "source"
    size = hw(resolved.choices["size"])
    if data.train.has_masks and data.shape[:2] != size:
        raise BadInput(
            f"{resolved.dataset} has masks of {data.shape[1]} x {data.shape[0]} px, which --size "
            f"{resolved.choices['size']} does not change; leave --size out"
        )
    inputs = inputs_of(resolved, data)
    shape = (*size, len(inputs["bands"]) or data.shape[-1])
    net = open_net(
        resolved.backbone, shape, resolved.head, task.outputs(data), resolved.source, own_top, run.contrast, **inputs
    )
    if run.device == "gpu" and device() == "cpu":
        raise Unavailable(f"it is to run on a GPU, and {keras.backend.backend()} finds none on this machine")
    if own_top and net.outputs < task.outputs(data):
        raise BadInput(
            f"{resolved.strategy} reads {task.outputs(data)} labels off the source's own outputs; "
            f"{resolved.source.label} has {net.outputs}"  # type: ignore[union-attr]
        )
    steps, seconds = run.steps_or_seconds
    shared = {f.name for f in fields(Options)} & {f.name for f in fields(Run)}
    options = Options(**{name: getattr(run, name) for name in shared}, steps=steps, seconds=seconds)
    trainer = Trainer(
        net,
        data,
        task,
        options,
        store.cache(root, "features"),
        lambda event: tell({"event": "step", **event}),
        distillation(resolved),
        checkpoint(resolved, data, store.cache(root, experiment)) if experiment else None,
    )
    if run.learning_rate == "auto" and resolved.strategy.trains:
        from lab.checks.rate import found_by_range_test

        tell({"event": "note", "text": "finding a learning rate"})
        trainer.options.learning_rate = trainer.found["learning_rate"] = found_by_range_test(trainer)
    return trainer


def repeatable() -> None:
    """Has the same seed give the same weights twice."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # it takes both: operations that run side by side finish in any order, and the sums of MobileNetV2's
        # gradients with them
        tf.config.experimental.enable_op_determinism()
        tf.config.threading.set_inter_op_parallelism_threads(1)


def checkpoint(resolved: Resolved, data, folder: Path):
    """Where the run stands, if it was begun before: with the same choices, data and versions, on the same device."""
    import keras

    from lab.checkpoint import Checkpoint

    told = environment()
    key = {"digest": resolved.digest, "data": data.digest, "backend": keras.backend.backend()}
    return Checkpoint(folder, resolved.stem, key | {n: told[n] for n in ("versions", "device")})


def distillation(resolved: Resolved):
    """The finished run that the strategy learns from, opened; None where there is none."""
    from lab.distillation import Distillation
    from lab.load import reopen

    teacher, how = resolved.teacher, cast(Any, resolved.strategy)
    if teacher is None:
        return None
    assert teacher.path is not None
    return Distillation(reopen(teacher.meta, teacher.path), how.temperature, how.weight)


def inputs_of(resolved: Resolved, data) -> dict[str, Any]:
    """The channels, bands and scaling that the network is made with; the last is measured on the training split."""
    from lab.scaling import scaling, standardizing

    if not data.bands:
        return {"channels": resolved.channels, "bands": (), "scaling": None}
    take = chosen(data.bands, resolved.run.bands)
    bands = tuple(data.bands[i] for i in take)
    measure = standardizing if data.table else scaling
    return {"channels": resolved.channels, "bands": bands, "scaling": measure(data.train, data.bands, take)}


def drive(resolved: Resolved, trainer, tell: Callable[[dict], None]) -> None:
    """Asks the strategy for steps and has them executed, each told the result of the one before."""
    plan: Any = resolved.strategy.steps(trainer.net.parts)
    result: Any = None
    while True:
        try:
            step = plan.send(result)
        except StopIteration:
            return
        tell({"event": "note", "text": step.name})
        result = trainer.execute(step)


def dry(resolved: Resolved, order: dict, tell: Callable[[dict], None]) -> dict[str, Any]:
    """Times a few steps of each phase and adds up what the run would take; trains and writes nothing."""
    from lab.steps import Adapt, Phase, Result

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


def _interrupt(*_: object) -> None:
    raise Interrupted


def _teller() -> Callable[[dict], None]:
    """Writes events to the real standard output and turns everybody else's output to standard error."""
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    last = 0.0

    def tell(event: dict) -> None:
        nonlocal last
        if event["event"] == "step" and "score" not in event:
            if time.monotonic() - last < REPORTED:
                return
            last = time.monotonic()
        stream.write(json.dumps(event, default=str) + "\n")
        stream.flush()

    return tell


if __name__ == "__main__":
    sys.exit(main())
