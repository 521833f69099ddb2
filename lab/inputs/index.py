"""What is in each file of an image or a mask: looked at once, remembered for as long as the file is the same.

A first look decodes every file, so that a broken one is found before any training starts. What was
seen is kept in `~/.cache/transfer-learning-lab` (or where the variable LAB_CACHE says), by the file's
size and time of change; without a place to keep it, every look is the first.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from lab.environment import kept_at_home
from lab.errors import BadInput
from lab.files import write_atomically
from lab.inputs import rasters
from lab.inputs.decoding import Unreadable, opened
from lab.inputs.entry import Entry, entry
from lab.inputs.folders import Files
from lab.progress import over

VERSION = 2  # raise it when the same file would give another entry
SAVED = 5000  # files between two savings


Seen = TypeVar("Seen", bound=tuple)


def index(files: Files, names: Iterable[str]) -> dict[str, Entry]:
    """An entry for each of the named image files, in the order of their names."""
    return remembered(files, {n: files.stamp(n) for n in names}, Entry, look, "")


def remembered(
    files: Files, stamps: dict[str, Any], kind: type[Seen], look: Callable[[Files, str], Seen], what: str
) -> dict[str, Seen]:
    """What a look at each name gives, in their order; a name is looked at again when its stamp is another.

    `kind` makes it of what was kept, in the file that `what` tells from those of other kinds.
    """
    place, wanted = _place(files, what), sorted(stamps)
    found = {n: kind(*seen) for n, (stamp, *seen) in _read(place).items() if stamps.get(n) == stamp}
    fresh = [n for n in wanted if n not in found]
    if fresh:
        with ThreadPoolExecutor(os.cpu_count()) as pool, over(f"reading {files.title}", len(fresh)) as advance:
            for start in range(0, len(fresh), SAVED):
                part = fresh[start : start + SAVED]
                for name, seen in zip(part, pool.map(lambda n: look(files, n), part), strict=True):
                    found[name] = seen
                    advance(1)
                _write(place, {n: [stamps[n], *seen] for n, seen in found.items()})
    return {n: found[n] for n in wanted}


def look(files: Files, name: str) -> Entry:
    """Decodes one file and says what it is."""
    if files.bands:
        return rasters.look(files, name, files.bands)
    try:
        content = files.read(name)
    except BadInput as error:
        return Entry("", error=str(error).removeprefix(files.called(name)).strip())
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        with opened(content) as image:
            return entry(image, sha256)
    except Unreadable as error:
        return Entry(sha256, error=str(error))


def _place(files: Files, what: str) -> Path:
    return (
        kept_at_home() / "files" / f"{hashlib.sha256(str(files.path.resolve()).encode()).hexdigest()[:16]}{what}.json"
    )


def _read(place: Path) -> dict[str, list]:
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
        return kept["entries"] if kept["version"] == VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # nothing there yet, or nothing to be trusted: look again


def _write(place: Path, entries: dict[str, list]) -> None:
    try:
        write_atomically(place, json.dumps({"version": VERSION, "entries": entries}))
    except BadInput:
        return  # nowhere to keep it: the next look is a first one again
