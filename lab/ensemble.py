"""`python -m lab.ensemble RUN RUN ...`: the mean prediction of finished runs, recorded as a run. No training."""

import sys
import time
from pathlib import Path
from typing import Any

from lab import command, store
from lab.errors import BadInput
from lab.predict import refuse_masks
from lab.run import EXPERIMENT, portable
from lab.spec import RECIPE, check_name, digest

MEANS = {
    "geometric": "the normalised product's root: a member that is sure of a no is heard",
    "arithmetic": "the plain mean of probabilities",
}


def main(argv: list[str]) -> int:
    made = command.parser(
        "lab.ensemble", "Averages the probabilities of finished runs of one data set and records the result as a run."
    )
    made.add_argument("runs", metavar="RUN", nargs="*", help="finished runs (python -m lab.report --runs lists them)")
    made.add_argument(
        "--best", type=int, metavar="K", help="in place of RUNs: the K best of --experiment on validation"
    )
    made.add_argument("--experiment", metavar="X", help="where --best looks, and where the result is recorded")
    made.add_argument(
        "--mean", default="geometric", choices=MEANS, help="; ".join(f"{m}: {what}" for m, what in MEANS.items())
    )
    made.add_argument("--name", metavar="X", help="the model's name in the table")
    command.add_out(made)
    args = made.parse_args(argv)
    check_name(args.name)
    root = command.root_of(args.out)
    members = chosen(root, args.runs, args.best, args.experiment)
    experiment = args.experiment or EXPERIMENT
    store.prepare(root, experiment)
    record = ensemble(
        root, members, args.mean, experiment, args.name, portable(argv).replace("lab.run", "lab.ensemble")
    )
    print(f"validation accuracy {record['val']['accuracy']:.4f}, test accuracy {record['test']['accuracy']:.4f}")
    from lab import report

    report.rebuild(root, say=print)
    return 0


def chosen(root: Path, names: list[str], best: int | None, experiment: str | None) -> list[dict[str, Any]]:
    """The members' records. `best` reads validation only: accuracy first, then loss.

    Raises:
        BadInput: too few of them, unfinished ones, or runs of different data.
    """
    if bool(names) == (best is not None):
        raise BadInput("give the runs by name, or --best K with --experiment X")
    if best is not None:
        if experiment is None or best < 2:
            raise BadInput("--best takes 2 or more, with --experiment X to say among which runs")
        done = [r for r in store.read(root, experiment) if r["status"] == "done" and "members" not in r["choices"]]
        names = [r["name"] for r in sorted(done, key=lambda r: (-r["val"]["accuracy"], r["val"]["loss"]))[:best]]
    members = [store.finished(root, n) for n in dict.fromkeys(names)]
    if len(members) < 2:
        raise BadInput(f"an ensemble takes two finished runs or more; found {len(members)}")
    for r in members:
        refuse_masks(r, "lab.ensemble")
        if r["data"]["digest"] != members[0]["data"]["digest"]:
            raise BadInput(f"{r['name']} was made on other data than {members[0]['name']}; choose runs of one data set")
    return members


def ensemble(
    root: Path, members: list[dict[str, Any]], mean: str, experiment: str, label: str | None, command: str
) -> dict[str, Any]:
    """Averages, measures, and writes the record; returns it.

    Raises:
        BadInput: a member's probabilities are not on this machine, or are not of this data set's examples.
    """
    from lab import predictions
    from lab.child import now
    from lab.tasks import classification as task

    began, first = time.perf_counter(), members[0]
    c = first["choices"]
    classes = tuple(first["data"]["classes"])
    scores, kept = {}, {}
    for split in first["data"]["splits"]:
        found = [predictions.read(root, r, split) for r in members]
        labels, p = found[0][0], averaged([p for _, p in found], mean)
        meter = task.meter(classes)
        meter.update(labels, p)
        scores[split], kept[split] = meter.result(), (labels, p)
    sizes = sorted({r["choices"]["size"] for r in members})
    choices = {
        "recipe": RECIPE, "task": c["task"], "strategy": f"{mean}_mean", "dataset": c["dataset"],
        "data": c.get("data", c["dataset"]),
        "data_fingerprint": c["data_fingerprint"], "limit": c["limit"], "backbone": f"{len(members)} runs",
        "weights": "none", "weights_digest": None, "head": "source", "size": sizes[0] if len(sizes) == 1 else None,
        "precision": c["precision"], "seed": 0, "members": sorted(r["digest"] for r in members),
    }  # fmt: skip
    known = digest({k: v for k, v in choices.items() if k not in ("precision", "data")})
    name = f"{mean}_mean-{len(members)}_runs-{c['dataset']}-{known[:8]}"
    record = {
        "schema": store.SCHEMA, "name": name, "experiment": experiment, "status": "done", "label": label,
        "command": command, "choices": choices, "digest": known, "group": known, "data": first["data"],
        "members": [r["name"] for r in members], "steps": [], "findings": [], **scores,
        "cost": {
            "train_seconds": sum(r["cost"]["train_seconds"] for r in members),
            "inference_ms_per_image": sum(r["cost"]["inference_ms_per_image"] for r in members),
            "seconds": time.perf_counter() - began,
        },
        "environment": first["environment"], "finished": now(),
    }  # fmt: skip
    predictions.write(root, experiment, name, kept)
    store.write(root, record)
    return record


def averaged(tables: list[Any], mean: str):
    """Probabilities (N, K) of each member to their mean, rows of which add up to 1."""
    import numpy as np

    stacked = np.stack(tables).astype("float64")
    if mean == "arithmetic":
        return stacked.mean(axis=0)
    product = np.exp(np.log(np.maximum(stacked, 1e-12)).mean(axis=0))
    return product / product.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    sys.exit(command.call(main))
