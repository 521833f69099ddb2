"""Starts a run's own process, tells it what to do and listens to what it says. See `lab.child`. No Keras."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.progress import Show
from lab.spec import Run
from lab.tracking import Told

INTERRUPTED = 4  # exit code of a child that was told to stop

# glibc's malloc gives each large array back to the system when it is freed, and the next step has all its pages mapped
# and zeroed anew: half of a training step on a CPU. Other systems and allocators do not read these.
KEEP_FREED_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}


def order_of(run: Run, root: Path, experiment: str, what: str) -> dict[str, Any]:
    """What standard input takes; `what` is to be done is `run`, `dry`, `doctor` or `rank`."""
    return {"run": asdict(run), "root": str(root), "experiment": experiment, "what": what}


def environment_of_child() -> dict[str, str]:
    """The environment of a child: this lab importable wherever it runs, and freed memory kept for the next step."""
    here = str(Path(__file__).parent.parent)
    return {
        **KEEP_FREED_MEMORY,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in (here, os.environ.get("PYTHONPATH")) if p),
    }


def child(order: dict[str, Any], show: Show | Told, log_file: Path | None) -> tuple[int, dict[str, Any]]:
    """Runs one order; (exit code, its last event)."""
    stderr = log_file.open("w") if log_file else subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True,
        env=environment_of_child(),
    )  # fmt: skip
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(order))
        process.stdin.close()
        try:
            end = _listen(process.stdout, show)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)
            show.say("  interrupted: the step in progress ends, and what was learnt is kept")
            end = _listen(process.stdout, show)
        return process.wait(), end
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        process.stdout.close()  # type: ignore[union-attr]
        if log_file:
            stderr.close()  # type: ignore[union-attr]
            for left in log_file.parent.parent.glob(f"*/part{process.pid}.*"):  # by a child that was killed
                left.unlink()


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
