"""What is in each file of an image or a mask: looked at once, remembered for as long as the file is the same.

A first look decodes every file, so that a broken one is found before any training starts. What was
seen is kept in `~/.cache/transfer-learning-lab` (or where the variable LAB_CACHE says), a line a file, by
its size and time of change; without a place to keep it, every look is the first.
"""

import gc
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lab.environment import kept_at_home
from lab.errors import BadInput
from lab.files import write_atomically
from lab.inputs import rasters
from lab.inputs.decoding import Unreadable, opened
from lab.inputs.entry import Entry, entry
from lab.inputs.folders import Files
from lab.progress import over

VERSION = 5  # raise it when the same file would give another entry
LINE = msgspec.json.Decoder()
SAVED = 1000  # files between two savings: lines are added, so that many files take as long as few, each


Seen = TypeVar("Seen", bound=tuple)


def index(files: Files, names: Iterable[str]) -> dict[str, Entry]:
    """An entry for each of the named image files, in the order of their names."""
    return remembered(files, files.stamps(names), Entry, look, "")


def remembered(
    files: Files, stamps: dict[str, Any], kind: type[Seen], look: Callable[[Files, str], Seen], what: str
) -> dict[str, Seen]:
    """What a look at each name gives, in their order; a name is looked at again when its stamp is another.

    `kind` makes it of what was kept, in the file that `what` tells from those of other kinds.
    """
    place, wanted = _place(files, what), sorted(stamps)
    with _uncollected():
        kept, lines = _read(place)
        found = {n: kind(*row[3:]) for n, row in kept.items() if stamps.get(n) == row[2]}
    fresh = [n for n in wanted if n not in found]
    if lines > 2 * len(found) + SAVED:
        _rewrite(place, stamps, found)
    if fresh:
        with ThreadPoolExecutor(os.cpu_count()) as pool, over(f"reading {files.title}", len(fresh)) as advance:
            for start in range(0, len(fresh), SAVED):
                part = fresh[start : start + SAVED]
                for name, seen in zip(part, pool.map(lambda n: look(files, n), part), strict=True):
                    found[name] = seen
                    advance(1)
                _append(place, _lines(stamps, {n: found[n] for n in part}))
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
    of = hashlib.sha256(str(files.path.resolve()).encode()).hexdigest()[:16]
    return kept_at_home() / "files" / f"{of}{what}.jsonl"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python does not look for garbage: among thousands of new objects, none of it, that takes as long as they do."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _read(place: Path) -> tuple[dict[str, list], int]:
    """({name: [version, name, stamp, *what was seen]}, lines of the file); of two with one name the later holds."""
    try:
        lines = [line for line in place.read_bytes().splitlines() if line]
    except OSError:
        return {}, 0  # nothing there yet
    found = {}
    for line in lines:
        try:
            row = LINE.decode(line)
        except ValueError:
            continue  # torn by a kill: the file it is of is looked at again
        if isinstance(row, list) and len(row) > 2 and row[0] == VERSION:
            found[row[1]] = row
    return found, len(lines)


def _lines(stamps: dict[str, Any], seen: Mapping[str, tuple]) -> bytes:
    return "".join(json.dumps([VERSION, n, stamps[n], *s]) + "\n" for n, s in seen.items()).encode()


def _append(place: Path, lines: bytes) -> None:
    """Adds lines in one piece, since other processes may add theirs; begins on a line of its own, whatever was torn."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("ab", buffering=0) as file:
            file.write(b"\n" + lines)
    except OSError:
        return  # nowhere to keep it: the next look is a first one again


def _rewrite(place: Path, stamps: dict[str, Any], found: Mapping[str, tuple]) -> None:
    """Leaves out what is of files that changed or went away."""
    with suppress(BadInput):
        write_atomically(place, _lines(stamps, found))
