"""A run's own process: tells it what to do and listens to what it says. See `lab.runs.child`. No Keras."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
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


class Worker:
    """A process that does one order after another, as long as each is done and the next is of the same kind.

    What an order needs that the one before it had is there already: see `lab.runs.kept`. Any other order, one that is
    refused, fails or is interrupted, and one whose process is killed, ends the process; the next gets a fresh one.

    Attributes:
        is_warm: whether the process has done an order.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.kind: Any = None
        self.is_warm = False

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def start(self) -> None:
        """Starts a process that imports what any order takes, while it is still being found out what there is to do."""
        self._start(subprocess.DEVNULL)

    def do(self, order: dict[str, Any], show: Show | Told, log: Path | None, kind: Any) -> tuple[int, dict[str, Any]]:
        """Has an order done; (exit code, its last event). One killed for want of memory has the code NO_MEMORY.

        Done, its process is kept for the next order of the same `kind`.

        Raises:
            KeyboardInterrupt: it was interrupted before there was anything to keep.
        """
        killed = killed_for_memory()
        process = self._ready(kind, log)
        assert process.stdin is not None and process.stdout is not None
        try:
            with passed_on(process, show) as ended:
                with suppress(BrokenPipeError):  # it has ended before it read anything: its exit code says why
                    process.stdin.write(json.dumps({**order, "log": log and str(log)}) + "\n")
                    process.stdin.flush()
                end = _listen(process.stdout, show)
                self.is_warm = end.get("code") == 0
                code = 0 if self.is_warm else self._end()
        except BaseException:
            process.kill()
            self._end()
            raise
        if not end and (code == INTERRUPTED or ended):
            raise KeyboardInterrupt
        return NO_MEMORY if code == -signal.SIGKILL and killed_for_memory() > killed else code, end

    def _end(self) -> int:
        """Lets the process end; its exit code."""
        process, self.process, self.is_warm = self.process, None, False
        if process is None:
            return 0
        if self.kind is None:
            process.kill()  # it has nothing to do, and need not import to the end before it knows
        with suppress(BrokenPipeError):
            process.stdin.close()  # type: ignore[union-attr]
        code = process.wait()
        process.stdout.close()  # type: ignore[union-attr]
        return code

    def _ready(self, kind: Any, log: Path | None) -> subprocess.Popen:
        """The process that is there, if it is alive and of this kind or of none yet; else a fresh one."""
        if self.process is not None and (self.kind not in (kind, None) or self.process.poll() is not None):
            self._end()
        with log.open("w") if log else nullcontext(subprocess.DEVNULL) as errors:
            process = self.process or self._start(errors)
        self.kind = kind
        return process

    def _start(self, errors: Any) -> subprocess.Popen:
        """A process; it imports nothing from the folder it runs in (-P), where a user may have a csv.py."""
        self.kind = None
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lab.runs.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=errors, text=True, env=environment_of_child(),
        )  # fmt: skip
        return self.process


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
    """Shows a child's events until its order is at its end; the last one, empty where the process ended before."""
    for line in lines:
        event = json.loads(line)
        if event["event"] == "end":
            return event
        show.event(event)
    return {}


def killed_for_memory() -> int:
    """How many processes Linux has killed for want of memory; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
