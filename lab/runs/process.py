"""Starts a run's own process, tells it what to do and listens to what it says. See `lab.runs.child`. No Keras."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.environment import BASE
from lab.progress import Show
from lab.runs.spec import Run
from lab.runs.tracking import Told

INTERRUPTED, NO_MEMORY = 4, 5  # exit codes of a child that was told to stop, and of one that memory did not suffice for

# glibc's malloc gives each large array back to the system when it is freed, and the next step has all its pages mapped
# and zeroed anew: half of a training step on a CPU. Other systems and allocators do not read these.
KEEP_FREED_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}


def order_of(run: Run, root: Path, experiment: str, what: str, parts: int = 1) -> dict[str, Any]:
    """What standard input takes; `what` is to be done is `run`, `dry`, `doctor` or `rank`, with batches in `parts`."""
    return {"run": asdict(run), "root": str(root), "experiment": experiment, "what": what, "parts": parts}


def environment_of_child() -> dict[str, str]:
    """The environment of a child: this lab importable wherever it runs, and freed memory kept for the next step."""
    here = str(BASE)
    return {
        **KEEP_FREED_MEMORY,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in (here, os.environ.get("PYTHONPATH")) if p),
    }


def child(order: dict[str, Any], show: Show | Told, log_file: Path | None) -> tuple[int, dict[str, Any]]:
    """Runs one order; (exit code, its last event). A child that the system killed for memory has the code NO_MEMORY.

    It imports nothing from the folder it runs in (-P), where a user may have a csv.py.

    Raises:
        KeyboardInterrupt: it was interrupted before there was anything to keep.
    """
    killed = killed_for_memory()
    stderr = log_file.open("w") if log_file else subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "lab.runs.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
        text=True, env=environment_of_child(),
    )  # fmt: skip
    try:
        with passed_on(process, show) as ended:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps(order))
            process.stdin.close()
            end = _listen(process.stdout, show)
            code = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        process.stdout.close()  # type: ignore[union-attr]
        if log_file:
            stderr.close()  # type: ignore[union-attr]
    if not end and (code == INTERRUPTED or ended):
        raise KeyboardInterrupt
    return NO_MEMORY if code == -signal.SIGKILL and killed_for_memory() > killed else code, end


@contextmanager
def passed_on(process: subprocess.Popen, show: Show | Told) -> Iterator[list[int]]:
    """Meanwhile Ctrl-C and SIGTERM are passed on to the child, which then ends by itself; the second is raised here.

    An exception that a signal raises wherever it comes can get lost, as in a callback. Gives the signals that came.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # Python tells no other of signals
        yield came
        return

    def pass_on(number: int, _: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt
        process.send_signal(signal.SIGTERM)
        show.say("  interrupted: the step in progress ends, and what was learnt is kept")

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(lines: Iterable[str], show: Show | Told) -> dict[str, Any]:
    """Shows a child's events until it ends; the last one."""
    end: dict[str, Any] = {}
    for line in lines:
        event = json.loads(line)
        if event["event"] == "end":
            end = event
        else:
            show.event(event)
    return end


def killed_for_memory() -> int:
    """How many processes Linux has killed for want of memory; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
