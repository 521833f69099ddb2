"""What does it cost to see that image files are those of the last run, beside reading them all again?

JPEGs of experiments/own_folder.py, 320 x 240 px, 17 kB each, that were looked at before. A look is what a run does
before it trains: the folder's layout, its classes, what is in each file, the fingerprint of it all. The naive way reads
and hashes every file; no way can do with less than each file's name, size and time of change.
"""

import hashlib
import os
import tempfile
import time
from pathlib import Path

from own_folder import folder_of, pictures

from benchmarks import AT_MOST, Row, in_turn, row
from lab.runs.spec import Run, resolve

COUNT, TIMES, MANY = 10_000, 7, 4


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        os.environ["LAB_CACHE"] = f"{place}/cache"
        jpegs = pictures()
        photos, many = (folder_of(count, Path(place), jpegs) for count in (COUNT, MANY * COUNT))
        work = {
            "look": lambda: looked(photos), "many": lambda: looked(many), "read": lambda: read(photos),
            "listed": lambda: listed(photos),
        }  # fmt: skip
        cpu = in_turn(work, TIMES, time.process_time)
    what = f"a second look at {COUNT:,} unchanged files, CPU time"
    return [
        row(what, "ms", 1e3 * cpu["look"], "reading and hashing them", 1e3 * cpu["read"], (AT_MOST, 0.5)),
        row(what, "ms", 1e3 * cpu["look"], "names, sizes and times alone", 1e3 * cpu["listed"]),
        row(f"a second look at {MANY * COUNT:,}, CPU time", "ms", 1e3 * cpu["many"],
            f"{MANY} times that at {COUNT:,}", MANY * 1e3 * cpu["look"], (AT_MOST, 1.5)),
    ]  # fmt: skip


def looked(folder: Path) -> str:
    """The fingerprint, by all that a run asks of the folder."""
    return resolve(Run(dataset=str(folder), backbone="cnn10", weights="none"), folder.parent).choices[
        "data_fingerprint"
    ]


def read(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.jpg")):
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def listed(folder: Path) -> list[tuple[str, int, int]]:
    found = []
    for below in os.scandir(folder):
        for entry in os.scandir(below):
            about = entry.stat()
            found.append((entry.path, about.st_size, about.st_mtime_ns))
    return found
