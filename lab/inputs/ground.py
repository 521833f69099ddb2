"""Which tiles show the same ground, so that they stay on one side of a split: by where they lie, or by their pixels."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.inputs.entry import Entry

Array = np.ndarray
WINDOW = 4  # pixels, height and width
KEPT = 128  # hashes of a tile
SHARED = 2  # of them that two tiles have in common when they overlap
BLOCK = 4  # widths of a tile that a block is wide, where nothing is said


def sketch(image: Array) -> str:
    """The smallest 128 hashes of all windows of an image (H, W, C) as stored, in hexadecimal.

    Tiles that were cut from one scene share the windows where they overlap, and so about that share of their smallest
    hashes (Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900). A window of one value only is not counted.
    """
    rng, kind = np.random.default_rng(0), f"u{image.dtype.itemsize}"
    odd = rng.integers(0, 2**63, (WINDOW * WINDOW + image.shape[2],), "uint64") * np.uint64(2) + np.uint64(1)
    values = np.ascontiguousarray(image).view(kind).astype("uint64")
    pixels = _mixed((values * odd[WINDOW * WINDOW :]).sum(axis=2, dtype="uint64"))
    if min(pixels.shape) < WINDOW:
        return ""
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (WINDOW, WINDOW)).reshape(-1, WINDOW * WINDOW)
    windows = windows[(windows != windows[:, :1]).any(axis=1)]
    hashes = np.unique(_mixed((windows * odd[: WINDOW * WINDOW]).sum(axis=1, dtype="uint64")))
    return "".join(f"{h:016x}" for h in hashes[:KEPT].tolist())


def _mixed(values: Array) -> Array:
    """Whole numbers of 64 bits with every bit spread over all others (the finaliser of MurmurHash3, Appleby 2011)."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        values = (values ^ (values >> np.uint64(33))) * np.uint64(factor)
    return values ^ (values >> np.uint64(33))


def overlapping(sketches: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (i, j) of tiles that share hashes."""
    holders: dict[str, list[int]] = {}
    for i, text in enumerate(sketches):
        for k in range(0, len(text), 16):
            holders.setdefault(text[k : k + 16], []).append(i)
    counts: dict[tuple[int, int], int] = {}
    for members in holders.values():
        for pair in pairwise(members):  # a chain joins all as well as all pairs do
            counts[pair] = counts.get(pair, 0) + 1
    return sorted(pair for pair, count in counts.items() if count >= SHARED)


def blocks(entries: Sequence[Entry], size: float | None = None) -> list[str]:
    """The square block of the ground, `size` units of its coordinates wide, that the middle of each tile lies in.

    Raises:
        BadInput: a tile does not say where it lies.
    """
    if missing := [e for e in entries if not e.place]:
        raise BadInput(f"--group blocks is for images that say where they lie; {len(missing)} of them do not")
    widths = [abs(e.place[3] - e.place[1]) for e in entries]
    size = size or BLOCK * float(np.median(widths))
    return [
        f"{crs} {np.floor((left + right) / 2 / size):.0f} {np.floor((top + bottom) / 2 / size):.0f}"
        for crs, left, top, right, bottom in (e.place for e in entries)
    ]


def place_of(opened: Any) -> list[Any]:
    """[coordinate system, left, top, right, bottom] of an image that rasterio opened; [] where it does not say."""
    if opened.crs is None:
        return []
    b = opened.bounds
    return [opened.crs.to_string(), b.left, b.top, b.right, b.bottom]
