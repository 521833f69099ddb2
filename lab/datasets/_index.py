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
from typing import Any, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from lab.datasets._decoding import Unreadable, fitted, opened, rgb, upright_size
from lab.datasets._files import Files
from lab.environment import kept_at_home
from lab.errors import BadInput
from lab.progress import over

VERSION = 2  # raise it when the same file would give another entry
LOOK = 64  # pixels, height and width at which the hash and the statistics are taken
SAVED = 5000  # files between two savings


class Entry(NamedTuple):
    """One image file; `error` says why it cannot be read, and the rest is then empty."""

    sha256: str
    width: int = 0  # as a viewer shows it
    height: int = 0
    mode: str = ""  # Pillow's: RGB, L, I;16, ...
    phash: str = ""  # perceptual hash, 64 bits in hexadecimal
    mean: list[float] = []  # of R, G and B, 0 to 255
    square: list[float] = []  # mean of the squares
    error: str | None = None
    place: list[Any] = []  # coordinate system, left, top, right, bottom: where it lies on the ground, if it says so
    sketch: str = ""  # see `lab.datasets._ground`; of images whose bands are described


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
        from lab.datasets import _rasters

        return _rasters.look(files, name, files.bands)
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


def entry(image: Image.Image, sha256: str) -> Entry:
    """What an image is.

    Raises:
        Unreadable: it cannot be decoded.
    """
    import imagehash

    (width, height), mode = upright_size(image), image.mode
    small = fitted(rgb(image, 4 * LOOK), LOOK)
    pixels = small.reshape(-1, 3).astype("float64")
    mean, square = (np.round(v.mean(axis=0), 3).tolist() for v in (pixels, pixels**2))
    return Entry(sha256, width, height, mode, str(imagehash.phash(Image.fromarray(small))), mean, square)


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
    from lab.store import write_atomically

    try:
        write_atomically(place, json.dumps({"version": VERSION, "entries": entries}))
    except BadInput:
        return  # nowhere to keep it: the next look is a first one again
