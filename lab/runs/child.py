"""A run's own process: reads orders from standard input, a line each, tells what happens in JSON lines.

Its own process, so that peak memory is the run's, a crash is one run's, and a backend starts clean. One that did a run
well is asked for the next of its kind, and has imported, read and traced what that needs; it ends with any other.
"""

import atexit
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from lab.environment import import_keras
from lab.errors import BadInput, Interrupted, Unavailable
from lab.inputs.once import once
from lab.runs.process import INTERRUPTED, NO_MEMORY
from lab.runs.spec import Run, resolve
from lab.training.interruption import listen

WORK = {  # imported when a process knows what it is for
    "run": ("lab.runs.execution", "execute"), "dry": ("lab.runs.estimation", "dry"),
    "doctor": ("lab.runs.execution", "doctor"),
    "rank": ("lab.runs.scoring", "rank"),
}  # fmt: skip
REPORTED = 0.2  # seconds between two reports of a step


def main() -> int:
    """Does what the orders say, until one is not done or there are no more of them; the last one's exit code.

    It imports Keras before there is one: its parent is still looking at the data.

    Exit codes: 0 done, 2 refused, 3 unavailable, 4 interrupted (by SIGTERM, which the runner sends), 5 out of memory,
    1 failed.
    """
    listen()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tell, kept, code = _teller(), None, 0
    try:
        with suppress(Exception):  # which is raised once more when there is an order, and then told
            kept = _kept()
        while not code and (line := sys.stdin.readline()):
            order = json.loads(line)
            _write_to(order["log"])
            kept = kept or _kept()
            code = work(order, tell, kept)
            kept.runs += 1
    except Interrupted:
        code = INTERRUPTED
    return code


def work(order: dict[str, Any], tell: Callable[[dict], None], kept: Any) -> int:
    """Does one order, and tells how it ended; its exit code."""
    code, end = _done(order, tell, kept)
    tell({"event": "end", "code": code, **end})
    return code


def _done(order: dict[str, Any], tell: Callable[[dict], None], kept: Any) -> tuple[int, dict[str, Any]]:
    """(exit code, what the last event says beside it) of an order."""
    try:
        with once():  # until the data are read
            resolved = resolve(Run(**order["run"]), Path(order["root"]))
            module, name = WORK[order["what"]]
            record = getattr(import_module(module), name)(resolved, order, tell, kept)
        return {"interrupted": INTERRUPTED, "failed": 1}.get(record.get("status"), 0), {"record": record}
    except (BadInput, Unavailable) as error:
        return 2 if isinstance(error, BadInput) else 3, {"error": str(error)}
    except Exception as error:
        traceback.print_exc()
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        return NO_MEMORY if is_out_of_memory(error) else 1, {"error": said}


def is_out_of_memory(error: Exception) -> bool:
    """Whether NumPy, TensorFlow or JAX say that memory does not suffice."""
    exhausted = type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)
    return isinstance(error, MemoryError) or exhausted


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


def _write_to(log: str | None) -> None:
    """From now on everything but events is written to a run's log; None: nowhere."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    file = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)


def _kept() -> Any:
    """Nothing yet; imports Keras, and has what was imported left out when Python looks for garbage.

    To trace a network makes some hundred thousand objects that stay: looking at all of them time and again, as Python
    is set, takes a tenth of the tracing.
    """
    import_keras()
    from lab.runs.kept import Kept

    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    return Kept()


if __name__ == "__main__":
    code = main()
    atexit._run_exitfuncs()  # as those that remove temporary files
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)  # at once: TensorFlow takes a second to give back, piece by piece, what ends with the process
