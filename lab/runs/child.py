"""One run, in a process of its own: reads what to do from standard input, tells what happens in JSON lines.

Its own process, so that peak memory is the run's, a crash is one run's, and a backend starts clean.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from lab.environment import import_keras
from lab.errors import BadInput, Interrupted, Unavailable
from lab.runs.process import INTERRUPTED, NO_MEMORY
from lab.runs.spec import Run, resolve
from lab.training.interruption import listen

WORK = {  # imported once the run is known to be one: Keras takes seconds
    "run": ("lab.runs.execution", "execute"), "dry": ("lab.runs.estimation", "dry"),
    "doctor": ("lab.runs.execution", "doctor"),
    "rank": ("lab.runs.scoring", "rank"),
}  # fmt: skip
REPORTED = 0.2  # seconds between two reports of a step


def main() -> int:
    """Does the run that standard input describes.

    Exit codes: 0 done, 2 refused, 3 unavailable, 4 interrupted (by SIGTERM, which the runner sends), 5 out of memory,
    1 failed.
    """
    listen()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    order = json.load(sys.stdin)
    tell = _teller()
    try:
        resolved = resolve(Run(**order["run"]), Path(order["root"]))
        module, name = WORK[order["what"]]
        import_keras()
        record = getattr(import_module(module), name)(resolved, order, tell)
        tell({"event": "end", "record": record})
        return {"interrupted": INTERRUPTED, "failed": 1}.get(record.get("status"), 0)
    except Interrupted:
        return INTERRUPTED
    except (BadInput, Unavailable) as error:
        tell({"event": "end", "error": str(error)})
        return 2 if isinstance(error, BadInput) else 3
    except Exception as error:
        traceback.print_exc()
        tell({"event": "end", "error": f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"})
        return NO_MEMORY if is_out_of_memory(error) else 1


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


if __name__ == "__main__":
    sys.exit(main())
