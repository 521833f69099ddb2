"""The mean prediction of finished runs, recorded as a run. Nothing is trained."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lab.environment import now
from lab.errors import BadInput
from lab.files import digest
from lab.progress import shown
from lab.records import predictions, store
from lab.runs.spec import RECIPE, Ensemble, plain, resolve_all
from lab.task import kind_of, of_record, score, score_name

# Yields labels (B, ...) and each member's answers (B, ...) of a split's examples.
Batches = Iterator[tuple[Any, Iterable[Any]]]
# Costs that add up, where all members have them.
SUMMED = ("train_seconds", "inference_ms_per_image", "inference_cpu_ms_per_image", "gflops", "file_mb")
BATCH = 32  # images


def ensemble(
    root: Path,
    members: list[dict[str, Any]],
    mean: str | None,
    experiment: str,
    label: str | None,
    command: str,
    data_dir: str | None = None,
) -> dict[str, Any]:
    """Averages, measures, and writes the record; returns it. A mean of None is the first that the task has.

    Raises:
        BadInput: what a member left behind, or for masks the data, is not on this machine or not of this data set.
    """
    began, first = time.perf_counter(), members[0]
    task = of_record(first)
    mean = mean or task.means[0]
    choices, known = identity(members, mean)
    said = {"task": about} if (about := task.record()) else {}
    if mean not in task.means:
        raise BadInput(f"--mean {mean} is not for {task.one}; use {' or '.join(task.means)}")
    data, batches = (stored if task.stores else repeated)(root, members, data_dir)
    meters = {}
    for split in first["data"]["splits"]:
        meter = meters[split] = task.meter(closely=split == "test")
        for labels, tables in batches(split):
            meter.update(labels, task.averaged(tables, mean))
    # ensembles of the same runs, each of another seed, are one row of a table
    group = digest({**choices, "seed": None, "data": None, "members": sorted(r["group"] for r in members)})
    name = f"{mean}_mean-{len(members)}_runs-{plain(choices['data'])}-{known[:8]}"
    summed = [k for k in SUMMED if all(k in r["cost"] for r in members)]
    record = {
        "schema": store.SCHEMA, "name": name, "experiment": experiment, "status": "done", "label": label,
        "command": command, "choices": choices, "digest": known, "group": group, "data": first["data"],
        "members": [r["name"] for r in members], "steps": [], "findings": [],
        **{split: meter.result() for split, meter in meters.items()},
        "net": {"parameters": sum(r["net"]["parameters"] for r in members), **said},
        "cost": {k: sum(r["cost"][k] for r in members) for k in summed} | {"seconds": time.perf_counter() - began},
        "environment": first["environment"], "finished": now(),
    }  # fmt: skip
    predictions.write(root, experiment, name, task.left(data, meters))
    store.write(root, record)
    return record


def identity(members: list[dict[str, Any]], mean: str) -> tuple[dict[str, Any], str]:
    """(the choices, their digest) of the ensemble of these runs."""
    c = members[0]["choices"]
    seeds = {r["choices"]["seed"] for r in members}
    seed = seeds.pop() if len(seeds) == 1 else 0
    sizes = sorted({str(r["choices"]["size"]) for r in members})
    choices = {
        "recipe": RECIPE, "task": c["task"], "strategy": f"{mean}_mean", "dataset": c["dataset"],
        "data": c.get("data", c["dataset"]),
        "data_fingerprint": c["data_fingerprint"], "limit": c["limit"], "backbone": f"{len(members)} runs",
        "weights": "none", "weights_digest": None, "head": "source", "size": c["size"] if len(sizes) == 1 else None,
        "precision": c["precision"], "seed": seed, "members": sorted(r["digest"] for r in members),
    }  # fmt: skip
    known = digest({k: v for k, v in choices.items() if k not in ("precision", "data")})
    return choices, known


def of_experiment(root: Path, experiment: str, wanted: list[Ensemble], command: str) -> int:
    """Makes those ensembles of a written experiment that are not made yet. Exit code 1: a member is not done.

    Raises:
        BadInput: what a member left behind is not on this machine.
    """
    missing = 0
    for each in wanted:
        found = [store.find(root, experiment, r.digest) for r in resolve_all(each.members, root)]
        members = [r for r in found if r is not None and r["status"] == "done"]
        if len(members) < len(found):
            missing += 1
        elif store.find(root, experiment, identity(members, each.mean)[1]) is None:
            first = each.members[0]
            data_dir = None if kind_of(members[0]).stores else first.data_dir
            made = ensemble(root, members, each.mean, experiment, None, command, data_dir)
            print(f"{each.mean} mean of {len(members)} runs: test {score_name(made)} {shown(score(made, 'test'))}")
    if missing:
        print(f"{missing} of {len(wanted)} ensembles wait for runs that are not done")
    return int(missing > 0)


def stored(root: Path, members: list[dict[str, Any]], data_dir: str | None) -> tuple[None, Callable[[str], Batches]]:
    """(nothing, the probabilities that the members stored of a split); no network is opened.

    Raises:
        BadInput: there is a folder of data, which are not read.
    """
    if data_dir:
        raise BadInput("--data-dir is for runs that predict masks; these stored their probabilities; leave it out")

    def batches(split: str) -> Batches:
        found = [predictions.read(root, r, split) for r in members]
        yield found[0][0], [p for _, p in found]

    return None, batches


def repeated(root: Path, members: list[dict[str, Any]], data_dir: str | None) -> tuple[Any, Callable[[str], Batches]]:
    """(the data, what the members say of a split, each opened again): probabilities of pixels are too many to store.

    Raises:
        BadInput: weights or data are not here, or the data are others.
    """
    weights = [store.kept(root, r, "weights.h5") for r in members]
    from lab.environment import wake_keras

    wake_keras()
    import keras

    from lab.inputs.data import eval_batches
    from lab.inputs.reading import ahead
    from lab.networks.load import reopen
    from lab.networks.net import to_numpy
    from lab.progress import over
    from lab.records.original_data import reread

    task, data, nets = of_record(members[0]), reread(members[0], data_dir), []
    if data.digest != members[0]["data"]["digest"]:
        raise BadInput(
            f"the data of {members[0]['choices']['dataset']} found here are not those of {members[0]['name']}; give "
            "its own with --data-dir"
        )
    for record, path in zip(members, weights, strict=True):
        keras.config.set_dtype_policy(record["choices"]["precision"])
        nets.append(reopen(record, path))
    count = min(r["choices"].get("batch_size", BATCH) for r in members)

    def batches(split: str) -> Batches:
        examples = data.splits()[split]
        takes = list(eval_batches(len(examples), count))
        wanted = [take for take, _ in takes]
        read = zip(takes, ahead(examples.images, wanted), ahead(examples.labels, wanted), strict=True)
        with over(f"predicting {split}", len(examples)) as advance:
            for (_, real), images, labels in read:
                logits = (to_numpy(net.model.predict_on_batch(net.sized(images))) for net in nets)
                yield labels[:real], (task.answered(z[:real]) for z in logits)
                advance(real)

    return data, batches
