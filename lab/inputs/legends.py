"""What the numbers and colours in masks mean: by a list of classes, or by the numbers themselves."""

from collections import Counter
from typing import NamedTuple

from lab.errors import BadInput
from lab.inputs.class_list import Classes, numbered
from lab.inputs.data import IGNORED
from lab.inputs.mask_files import GREY, Mask

BINARY = ("background", "foreground")
HALF = 128  # of 0 to 255
NEAR = 32  # how far from 0 and 255 the values of a compressed or smoothed mask may be
EDGES = 0.1  # share of the pixels that may lie farther, on the edges


class Legend(NamedTuple):
    """What the numbers or colours in masks mean.

    Attributes:
        classes: their names, in the order of their labels.
        palette: the colour (R, G, B) that each is drawn in.
        values: the label of each number; empty where masks with a palette are read by its colours, too.
        colours: the label of each colour, 0xRRGGBB.
    """

    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    values: dict[int, int]
    colours: dict[int, int]

    def labels(self, mask: Mask) -> list[int | None]:
        """The label of each of the mask's values, None for what means nothing."""
        if not self.colours and mask.is_grey:
            return [self.values.get(v // GREY) for v in mask.values]
        if mask.mode == "RGB" or not self.values:
            return [self.colours.get(c) for c in mask.colours] or [None] * len(mask.values)
        return [self.values.get(v) for v in mask.values]


def listed_legend(classes: Classes, values: dict[int, int] | None = None) -> Legend:
    """Numbers in masks are lines of the class list, from 0, or what `values` says; 255 is ignored."""
    lines = dict(enumerate(classes.labels)) | {IGNORED: IGNORED}
    colours = dict(zip(classes.colours, classes.labels, strict=False))
    return Legend(classes.names, classes.palette(), lines if values is None else values, colours)


def legend_of(values: Counter[int], classes: Classes | None, threshold: int | None, what: str) -> Legend:
    """What the numbers mean that all masks of `what` hold together, each with its pixels.

    Two classes, or no list, and numbers that say that they are of two kinds: cut there. Else the lines of the
    list; without one, background and foreground for 0 and 1, or a class for each number.

    Raises:
        BadInput: a threshold for more than two classes; too many numbers without a list.
    """
    if classes and len(classes.names) != 2:
        if threshold is not None:
            raise BadInput(f"{what} lists {len(classes.names)} classes, and a threshold makes two; leave one out")
        return listed_legend(classes)
    cut = _cut(values) if threshold is None else threshold
    if cut is not None:
        return listed_legend(classes or numbered([*BINARY], [], what), {v: int(v >= cut) for v in values})
    if classes or set(values) <= {0, 1, IGNORED}:
        return listed_legend(classes or numbered([*BINARY], [], what))
    kept = sorted(v for v in values if v != IGNORED)
    if len(kept) >= IGNORED:
        raise BadInput(
            f"{what} has masks with {len(kept)} values; name the classes in a classes.txt, or part the values in two "
            "with masks(threshold=128)"
        )
    number = {v: i for i, v in enumerate(kept)}
    return listed_legend(numbered([str(v) for v in kept], [], what), number | {IGNORED: IGNORED})


def _cut(values: Counter[int]) -> int | None:
    """The number from which on pixels are foreground, if the masks say that they are of two kinds."""
    high = max(values, default=0)
    if high in (255, 65535) and set(values) <= {0, high}:
        return high
    smooth = high <= 255 and min(values, default=255) < NEAR and any(256 - NEAR <= v < 255 for v in values)
    far = sum(count for v, count in values.items() if NEAR <= v < 256 - NEAR)
    return HALF if smooth and far < EDGES * values.total() else None
