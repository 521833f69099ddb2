"""`python -m lab.reproduce RUN`: makes a recorded run again and says whether it agrees, and if not, what differs."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tabulate import tabulate

from lab import command
from lab.errors import BadInput
from lab.progress import Show
from lab.records import outcomes, store
from lab.runs.process import Worker
from lab.runs.reproducing import resolved
from lab.runs.runner import cause, title, train
from lab.task import score, score_name

Record = dict[str, Any]
PLACE = ".reproduced"  # an experiment that no table shows
SETTING = ("lab", "python", "backend", "versions", "device", "onednn", "cores", "machine", "commit", "dirty")


def main(argv: list[str]) -> int:
    made = command.parser(
        "lab.reproduce",
        "Makes a recorded run again, beside the records, and compares: exit code 0 when weights and figures are the "
        "same to the bit, 1 when not; then what differs in data, versions and device is said.",
    )
    made.add_argument("run", metavar="RUN", help="a finished run: NAME, EXPERIMENT/NAME or best:DATA")
    made.add_argument("--data-dir", metavar="X", help="folder or archive of the run's data, where not embedded")
    command.add_out(made)
    args = made.parse_args(argv)
    root = command.root_of(args.out)
    record = store.finished(root, args.run)
    again = made_again(root, record, args.data_dir)
    print(verdict(record, again, changed(root, record, again)))
    shutil.rmtree(store.results(root) / PLACE, ignore_errors=True)
    shutil.rmtree(store.cache(root, PLACE), ignore_errors=True)
    return int(not agrees(record, again))


def made_again(root: Path, record: Record, data_dir: str | None = None) -> Record:
    """The record of the run, trained anew under the same backend; interrupted, the same command goes on.

    Raises:
        BadInput: it is no run but a mean of runs, the choices mean something else here, as the data are others, or it
            failed.
    """
    if "members" in record["choices"]:
        raise BadInput(f"{record['name']} is a mean of runs; reproduce its members, then run `{record['command']}`")
    os.environ.setdefault("KERAS_BACKEND", record["environment"]["backend"])
    wanted = resolved(record, root, data_dir)
    if wanted.digest != record["digest"]:
        found = differing(record["choices"], wanted.choices)
        raise BadInput(
            f"{record['name']} cannot be made again here: "
            + "; ".join(f"{name} is {here}, and was {there}" for name, there, here in found)
        )
    store.prepare(root, PLACE)
    with Show(1) as show, Worker() as worker:
        show.begin(title(wanted))
        code, end = train(wanted, root, PLACE, show, worker)
        show.end("trained again" if not code else "it ended early")
    if code:
        error = end.get("error") or end.get("record", {}).get("error") or cause(code)
        raise BadInput(f"{record['name']} could not be made again: {error}")
    return {**record, **end["record"], "experiment": PLACE}


def agrees(record: Record, again: Record) -> bool:
    """Whether weights and the figures of all splits are the same to the bit."""
    splits = ("train", "val", "test")
    same = all(store.finite(record[s]) == store.finite(again[s]) for s in splits)
    return same and record["net"]["weights_digest"] == again["net"]["weights_digest"]


def changed(root: Path, record: Record, again: Record) -> int | None:
    """How many test examples have another outcome; None where what the run did on each is not here."""
    try:
        _, (a, b) = outcomes.read(root, [record, again])
    except BadInput:
        return None
    if a.predicted is not None and b.predicted is not None:
        return int((a.predicted != b.predicted).sum())
    return int(((a.hit != b.hit) | (a.all != b.all)).any(axis=1).sum())


def differing(one: Record, other: Record) -> list[tuple[str, Any, Any]]:
    """(name, in the one, in the other) of what is not the same in two flat dictionaries."""
    return [(k, one.get(k), other.get(k)) for k in {**one, **other} if one.get(k) != other.get(k)]


def verdict(record: Record, again: Record, changed: int | None) -> str:
    """What is said of the two: that they agree, or by how much they do not and what is another."""
    name, (here, there) = score_name(record), (score(r, "test") for r in (again, record))
    if agrees(record, again):
        return f"agrees to the bit: weights {record['net']['weights_digest'][:12]}, test {name} {here:.4f}"
    by = f"{100 * (here - there):+.2f} points"
    if changed is not None:
        by += f", another outcome on {changed:,} of {record['test']['examples']:,} test examples"
    said = f"does not agree: test {name} {here:.4f} here, {there:.4f} recorded ({by})"
    settings = [{k: r["environment"].get(k) for k in SETTING} for r in (record, again)]
    versions = differing(*(s.pop("versions") or {} for s in settings))
    found = [*differing(*settings), *versions]
    if not found:
        return f"{said}\nnothing else that the record knows differs: this run does not repeat itself"
    return f"{said}\n\n" + tabulate(found, ["what", "recorded", "here"], disable_numparse=True)


if __name__ == "__main__":
    sys.exit(command.call(main))
