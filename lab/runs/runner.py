"""Runs of an experiment, one after another, each in a child process; the only writer of `results/`. No Keras."""

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lab.environment import now
from lab.errors import BadInput
from lab.progress import Show, shown
from lab.records import store
from lab.runs import tracking
from lab.runs.process import INTERRUPTED, NO_MEMORY, Worker, order_of
from lab.runs.spec import Resolved, Run, resolve_all
from lab.task import kind, score, score_name
from lab.training.checkpoint import Checkpoint

SHARED = (  # choices of runs that one process may do, one after the other
    "task", "dataset", "data", "data_fingerprint", "drop_classes", "limit", "bands", "channels", "backbone", "head",
    "size", "contrast", "precision",
)  # fmt: skip
STATUS = {0: "done", 2: "refused", 3: "unavailable", INTERRUPTED: "interrupted"}


def run_all(
    runs: list[Run], experiment: str, root: Path, command: str, track: Sequence[str] = (), retry_failed: bool = False
) -> int:
    """Does what is not done yet. Exit code 0: all done; 2: one was refused; 1: one failed or is unavailable.

    Each run is told to the trackers named in `track` while it trains. One that failed before is done again only when
    that is asked for: the same choices fail in the same way.

    Raises:
        BadInput: for anything wrong that can be known before the first run starts; nothing is written then.
    """
    tracking.require(track)
    with Worker() as worker:
        if store.count(root, experiment) < len(runs):  # so that one is missing, whichever
            worker.start()
        wanted = resolve_all(runs, root)
        store.prepare(root, experiment)
        status = {r.digest: _status(root, experiment, r) for r in wanted}
        failed = [] if retry_failed else [r.stem for r in wanted if status[r.digest] == "failed"]
        left_alone = ("done",) if retry_failed else ("done", "failed")
        missing = {r.digest: r for r in wanted if status[r.digest] not in left_alone}
        with Show(len(missing)) as show:
            if done := sum(s == "done" for s in status.values()):
                show.say(f"{done} of {len(status)} runs are done already and are skipped")
            if failed:
                show.say(f"{len(failed)} failed before and are left alone ({failed[0]}); --retry-failed takes them up")
            codes = {int(bool(failed))}
            for resolved in turns(together(missing.values()), root, experiment, show):
                codes.add(_do(resolved, root, experiment, command, track, show, worker))
    store.sweep(root)  # of a process that was killed before, and took longer to die
    return 2 if 2 in codes else int(codes != {0})


def _do(
    resolved: Resolved, root: Path, experiment: str, command: str, track: Sequence[str], show: Show, worker: Worker
) -> int:
    """Has a run trained, unless another process has done it meanwhile, and its record written; its exit code.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    if _status(root, experiment, resolved) == "done":
        show.say(f"{title(resolved)}: done meanwhile by another process")
        return 0
    show.begin(title(resolved))
    told = tracking.Told(show, tracking.opened(track, root, experiment, resolved.stem, resolved.choices))
    try:
        code, end = train(resolved, root, experiment, told, worker)
    except KeyboardInterrupt:
        told.end(None)
        raise
    told.end(None if code else end["record"])
    if code < 0:
        store.sweep(root)
    show.end(_finish(root, experiment, command, resolved, code, end))
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code


def together(runs: Iterable[Resolved]) -> list[Resolved]:
    """The runs, those that one process serves behind one another: kinds in the order in which they come first."""
    runs = list(runs)
    kinds = [alike(r) for r in runs]
    return [r for _, r in sorted(zip(map(kinds.index, kinds), runs, strict=True), key=lambda pair: pair[0])]


def turns(runs: Iterable[Resolved], root: Path, experiment: str, show: Show) -> Iterator[Resolved]:
    """Yields each run while no other process is at it; those that one is at come last, when it has ended.

    The system frees what a process that died had locked.
    """
    busy = []
    for r in runs:
        lock = FileLock(store.cache(root, experiment) / f"{r.stem}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            busy.append((r, lock))
            continue
        try:
            yield r
        finally:
            lock.release()
    for r, lock in busy:
        show.say(f"{title(r)}: another process is at it, and is waited for")
        with lock:
            yield r


def _status(root: Path, experiment: str, resolved: Resolved) -> str | None:
    return (store.find(root, experiment, resolved.digest) or {}).get("status")


def train(resolved: Resolved, root: Path, experiment: str, show: Any, worker: Worker) -> tuple[int, dict[str, Any]]:
    """Has a run trained in a process that the one before it may have left; (exit code, its last event).

    Where memory does not suffice it is trained in a fresh process, and where it does not for a whole batch in halves,
    whose gradients are added up, then in quarters.
    """
    parts, batch = 1, resolved.run.batch_size
    while True:
        order, was_warm = order_of(resolved.run, root, experiment, "run", parts), worker.is_warm
        code, end = worker.do(order, show, log(root, experiment, resolved), alike(resolved))
        if code == NO_MEMORY and was_warm:
            continue
        if code != NO_MEMORY or parts * 2 > batch or "batch_size" not in resolved.choices:
            return code, end
        parts *= 2
        show.say(
            f"  out of memory at {batch * 2 // parts} images at once: again with {batch // parts}, gradients added up"
        )


def alike(resolved: Resolved) -> Any:
    """What runs have in common that need the same data and the same network: one process serves them all."""
    run = resolved.run
    return [resolved.choices[name] for name in SHARED], resolved.data_dir, run.device, run.image_cache, run.batch_size


def dry_run_all(runs: list[Run], root: Path) -> list[dict[str, Any]]:
    """What each run would take: hours, memory, parameters; trains nothing and writes no record.

    Runs that differ by their seed only take the same, so one of them is timed.

    Raises:
        BadInput: a run is refused.
    """
    timed: dict[str, dict[str, Any]] = {}
    firsts: dict[str, Resolved] = {}
    with Worker() as worker:
        worker.start()
        wanted = resolve_all(runs, root)
        for r in wanted:
            firsts.setdefault(r.group, r)
        with Show(len(firsts)) as show:
            for group, resolved in firsts.items():
                show.begin(f"dry run, {title(resolved)}")
                code, end = worker.do(order_of(resolved.run, root, "dry", "dry"), show, None, alike(resolved))
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
    with Show(len(runs), every=True) as show, Worker() as worker:
        worker.start()
        for resolved in resolve_all(runs, root):
            show.begin(title(resolved))
            code, end = worker.do(order_of(resolved.run, root, "doctor", "doctor"), show, None, alike(resolved))
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
    loss = "" if (name := c.get("loss")) in (None, kind(c["task"]).minimised) else f" by {name}"
    few = f" ({c['shots']} shots)" if c.get("shots") else ""
    return (
        f"{c['strategy']}{loss}, {c['data']}{few}, {store.model_of(c)} from {c['weights']}, {c['size']} px, "
        f"seed {c['seed']}"
    )


def log(root: Path, experiment: str, resolved: Resolved) -> Path:
    return store.cache(root, experiment) / f"{resolved.stem}.log"


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
        return f"test {score_name(record)} {shown(score(record, 'test'))}, train {shown(score(record, 'train'))}"
    if status == "interrupted":
        store.write(root, base | end["record"])
        return f"interrupted; `python -m lab.predict {resolved.stem}` uses what was learnt so far"
    said = end.get("record") or {
        "error": end.get("error") or f"the process ended with {cause(code)}",
        "finished": now(),
    }
    store.write(root, base | said)
    return f"{status}: {said['error']}; log: {os.path.relpath(log(root, experiment, resolved))}"


def cause(code: int) -> str:
    """What an exit code that a child gave without a word means."""
    if code == NO_MEMORY:
        return "no memory left; a smaller --size or backbone takes less"
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
