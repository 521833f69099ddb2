"""Areas of an image as polygons and run lengths, and back, as COCO's JSON has them."""

from typing import Any

import numpy as np

from lab.inputs.decoding import Unreadable

RIGHT = 0  # then down, left, up
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # (x, y) of each direction
AHEAD = ((1, 1), (1, 0), (0, 0), (0, 1))  # row and column, from a corner, of the pixel ahead to the right hand


def runs_of(mark: Any, height: int, width: int) -> np.ndarray:
    """An annotation, polygons or run lengths, as run lengths: pixels outside, inside, outside, ..., down each column.

    Raises:
        Unreadable: it is neither, or does not fit the image.
    """
    from pycocotools import mask as coco

    try:
        if isinstance(mark, list):
            far = 2 * max(height, width)  # what is drawn takes memory for each pixel of its outline
            if not mark or any(len(p) < 6 or len(p) % 2 or not all(-far <= float(v) <= far for v in p) for p in mark):
                raise Unreadable("has a polygon of fewer than three points, or one that is far outside the image")
            return unpacked(coco.merge(coco.frPyObjects(mark, height, width))["counts"])
        if list(mark["size"]) != [height, width]:
            raise Unreadable(f"has run lengths for {mark['size']}, and the image is {[height, width]} (height, width)")
        counts = mark["counts"]
        runs = np.array(counts, "int64") if isinstance(counts, list) else unpacked(counts.encode())
        if runs.ndim != 1 or (runs < 0).any() or runs.sum() != height * width:  # pycocotools would not mind
            raise ValueError(f"they are for {runs.sum()} pixels")
        return runs
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Unreadable(f"has an annotation that is neither polygons nor run lengths: {error!r:.100}") from None


def unpacked(counts: bytes) -> np.ndarray:
    """Run lengths from COCO's text: five bits a character, the lowest first; from the fourth on, what each adds.

    To the one before the last, which is of the same kind.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        bits = character - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:  # the last of a number; its highest bit is the sign
            value -= (bits & 16) << shift - 4
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
        if shift > 60:
            raise ValueError("a number without an end")
    return np.array(runs, "int64")


def area_of(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    """The pixels (height, width) bool inside."""
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def packed(area: np.ndarray) -> list[int]:
    """The run lengths of an area (height, width) bool, as `runs_of` reads them."""
    flat = area.T.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return [0, *runs] if flat[0] else runs


def outline(area: np.ndarray) -> list[int]:
    """The outer border of an area (height, width) bool that hangs together by sides, as a polygon x, y, x, y, ...

    The area reaches the first row. The border runs clockwise along the sides of pixels, of which (row, column) is the
    square from (column, row) to (column + 1, row + 1); what is enclosed is not left out.
    """
    inside = np.pad(area, 1).tolist()  # pixel (row, column) is at [row + 1][column + 1]
    start = x, y = int(area[0].argmax()), 0
    heading, points = RIGHT, [x, y]
    while True:
        x, y = x + STEPS[heading][0], y + STEPS[heading][1]
        if (x, y) == start:
            return points
        (row, column), (beside_row, beside_column) = AHEAD[heading], AHEAD[heading - 1]
        if not inside[y + row][x + column]:
            turn = 1  # right, also where the pixel beyond the corner is inside: it does not hang together by a side
        elif inside[y + beside_row][x + beside_column]:
            turn = -1
        else:
            continue
        heading = (heading + turn) % 4
        points += [x, y]
