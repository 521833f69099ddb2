"""Runs of an experiment, one after another, each in a child process; the only writer of `results/`. No Keras."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import store, tracking
from lab.checkpoint import Checkpoint
from lab.environment import now
from lab.errors import BadInput
from lab.process import INTERRUPTED, child, order_of
from lab.progress import Show
from lab.spec import Resolved, Run, resolve
from lab.tasks import score, score_name

STATUS = {0: "done", 2: "refused", 3: "unavailable", INTERRUPTED: "interrupted"}


def run_all(runs: list[Run], experiment: str, root: Path, command: str, track: Sequence[str] = ()) -> int:
    """Does what is not done yet. Exit code 0: all done; 2: one was refused; 1: one failed or is unavailable.

    Each run is told to the trackers named in `track` while it trains.

    Raises:
        BadInput: for anything wrong that can be known before the first run starts; nothing is written then.
    """
    tracking.require(track)
    wanted = [resolve(run, root) for run in runs]
    store.prepare(root, experiment)
    missing = {r.digest: r for r in wanted if not _is_done(store.find(root, experiment, r.digest))}
    codes = {0}
    with Show(len(missing)) as show:
        if skipped := len({r.digest for r in wanted}) - len(missing):
            show.say(f"{skipped} of {len({r.digest for r in wanted})} runs are done already and are skipped")
        for resolved in missing.values():
            show.begin(title(resolved))
            told = tracking.Told(show, tracking.opened(track, root, experiment, resolved.stem, resolved.choices))
            code, end = child(order_of(resolved.run, root, experiment, "run"), told, log(root, experiment, resolved))
            told.end(None if code else end["record"])
            if code == INTERRUPTED and not end:  # before anything was learnt
                raise KeyboardInterrupt
            show.end(_finish(root, experiment, command, resolved, code, end))
            if code == INTERRUPTED:
                raise KeyboardInterrupt
            codes.add(code)
    return 2 if 2 in codes else int(codes != {0})


def dry_run_all(runs: list[Run], root: Path) -> list[dict[str, Any]]:
    """What each run would take: hours, memory, parameters; trains nothing and writes no record.

    Runs that differ by their seed only take the same, so one of them is timed.

    Raises:
        BadInput: a run is refused.
    """
    wanted = [resolve(run, root) for run in runs]
    timed: dict[str, dict[str, Any]] = {}
    firsts: dict[str, Resolved] = {}
    for r in wanted:
        firsts.setdefault(r.group, r)
    with Show(len(firsts)) as show:
        for group, resolved in firsts.items():
            show.begin(f"dry run, {title(resolved)}")
            code, end = child(order_of(resolved.run, root, "dry", "dry"), show, None)
            if code:
                raise BadInput(end.get("error", "the dry run failed"))
            show.end("timed")
            timed[group] = end["record"]
    return [{"run": title(r), **timed[r.group]} for r in wanted]


def diagnose(runs: list[Run], root: Path) -> list[dict[str, Any]]:
    """Makes every check before a run, shown as it goes; the findings.

    Raises:
        BadInput: a run is refused.
    """
    found = []
    with Show(len(runs), every=True) as show:
        for resolved in [resolve(run, root) for run in runs]:
            show.begin(title(resolved))
            code, end = child(order_of(resolved.run, root, "doctor", "doctor"), show, None)
            if code:
                raise BadInput(end.get("error", f"the checks ended with {cause(code)}"))
            found += end["record"]["findings"]
            show.end(_environment(end["record"]))
    return found


def _environment(record: dict[str, Any]) -> str:
    e = record["environment"]
    versions = ", ".join(f"{n} {v}" for n, v in e["versions"].items() if v)
    rate = f"; learning rate found: {r:.1g}" if (r := record["found"].get("learning_rate")) else ""
    return f"{e['backend']} on {e['device']}, {e['cores']} cores, Python {e['python']}, {versions}{rate}"


def title(r: Resolved) -> str:
    c = r.choices
    loss = "" if (name := c.get("loss", "cross_entropy")) == "cross_entropy" else f" by {name}"
    few = f" ({c['shots']} shots)" if c.get("shots") else ""
    return (
        f"{c['strategy']}{loss}, {c['data']}{few}, {store.model_of(c)} from {c['weights']}, {c['size']} px, "
        f"seed {c['seed']}"
    )


def log(root: Path, experiment: str, resolved: Resolved) -> Path:
    return store.cache(root, experiment) / f"{resolved.stem}.log"


def _is_done(record: dict[str, Any] | None) -> bool:
    return record is not None and record["status"] == "done"


def _finish(root: Path, experiment: str, command: str, resolved: Resolved, code: int, end: dict[str, Any]) -> str:
    """Writes the record that a run's end calls for; returns what to say of it."""
    if code == 2:
        return f"refused: {end['error']}"
    status = STATUS.get(code, "failed")
    base = {
        "schema": store.SCHEMA, "name": resolved.stem, "experiment": experiment, "status": status,
        "label": resolved.run.name, "command": command, "choices": resolved.choices,
        "digest": resolved.digest, "group": resolved.group,
    }  # fmt: skip
    if status == "done":
        store.write(root, base | end["record"])
        record = base | end["record"]
        Checkpoint(store.cache(root, experiment), resolved.stem, {}).remove()
        return f"test {score_name(record)} {score(record, 'test'):.3f}, train {score(record, 'train'):.3f}"
    if status == "interrupted":
        store.write(root, base | end["record"])
        return f"interrupted; `python -m lab.predict {resolved.stem}` uses what was learnt so far"
    error = end.get("error") or f"the process ended with {cause(code)}"
    store.write(root, base | {"error": error, "finished": now()})
    return f"{status}: {error}; log: {os.path.relpath(log(root, experiment, resolved))}"


def cause(code: int) -> str:
    """What an exit code that a child gave without a word means."""
    if code >= 0:
        return f"exit code {code}"
    out_of_memory = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"signal {signal.Signals(-code).name}{out_of_memory}"
