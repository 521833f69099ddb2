"""The measures of `experiments/benchmark.py`: one file, one question, whose `measure` gives the rows of a table."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

HERE = Path(__file__).parent.parent
Row = dict[str, Any]
AT_LEAST, AT_MOST = "at least", "at most"


def row(what: str, unit: str, ours: float, beside: str, theirs: float, aim: tuple[str, float] | None = None) -> Row:
    """What was measured here and beside it, in a unit, and the aim that their ratio has: of rates ours by theirs.

    Of what is better when it is less, seconds or megabytes, an aim of at least so many times is theirs by ours.
    """
    less = unit in ("s", "MB", "ms")
    ratio = theirs / ours if less and aim and aim[0] == AT_LEAST else ours / theirs
    return {"what": what, "unit": unit, "ours": ours, "beside": beside, "theirs": theirs, "ratio": ratio, "aim": aim}


def in_turn(
    work: Mapping[str, Callable[[], Any]], times: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each, called one after the other, so many times; the first time, to warm up, is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(times + 1):
        for name, do in work.items():
            began = clock()
            do()
            seconds[name].append(clock() - began)
    return {name: median(some[1:]) for name, some in seconds.items()}


def peers() -> str:
    """The Python that has the libraries beside which the lab is measured: $LAB_PEERS, or this one."""
    return os.environ.get("LAB_PEERS", sys.executable)


def have(*modules: str, python: str | None = None) -> bool:
    """Whether a Python, that of the peers or the one given, finds all of these."""
    asks = "import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))"
    return subprocess.run([python or peers(), "-c", asks, *modules]).returncode == 0


def timed_command(*words: str, python: str = sys.executable, **variables: str) -> tuple[float, str]:
    """(seconds, what it printed) of `python WORDS`, as one types it, with these variables in its environment.

    Raises:
        SystemExit: it failed.
    """
    began = time.perf_counter()
    done = subprocess.run([python, *words], env=typed() | variables, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"python {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr[-2000:]}")
    return seconds, done.stdout


class Cost(NamedTuple):
    """What a command took, its own processes included: seconds, CPU seconds, MB at the most in one of them."""

    wall: float
    cpu: float
    peak: float


def cost_of(*words: str, python: str = sys.executable, **variables: str) -> Cost:
    """Of `python WORDS`, as one types it.

    Raises:
        SystemExit: it failed.
    """
    began = time.perf_counter()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen([python, *words], env=typed() | variables, stdout=told, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            raise SystemExit(
                f"python {' '.join(words)} ended with {process.returncode}:\n{told.read()[-2000:].decode()}"
            )
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def said(*words: str, **named: str) -> Any:
    """The JSON of the last line that `python WORDS` prints."""
    return json.loads(timed_command(*words, **named)[1].splitlines()[-1])


def typed() -> dict[str, str]:
    """The environment of a command as one types it, in which Python finds the lab and these files."""
    from lab.runs.process import KEEP_FREED_MEMORY, environment_of_child

    ours = {name: value for name, value in os.environ.items() if name not in KEEP_FREED_MEMORY}
    return ours | {"PYTHONPATH": os.pathsep.join([str(HERE), environment_of_child()["PYTHONPATH"]])}
