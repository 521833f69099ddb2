"""What is common to images with a mask each, however the masks are written down."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from lab.datasets import digest_of
from lab.datasets._own import Own, Survey
from lab.errors import BadInput
from lab.inputs.class_list import rgb_of
from lab.inputs.data import IGNORED, hw
from lab.inputs.decoding import Unreadable
from lab.inputs.entry import Entry
from lab.inputs.index import remembered
from lab.inputs.legends import Legend
from lab.inputs.mask_files import GREY, Mask, labelled, look, plain

Array = np.ndarray


@dataclass(frozen=True)
class Masked(Own):
    """Images with a mask each; an example's label is the name of its mask.

    A split that is missing is drawn so that it has its share of the images of each stratum: an image's stratum
    is the rarest class that its mask holds, which is the one that the fewest masks hold.
    """

    task = "segmentation"

    def legend(self, found: Survey) -> Legend:
        """What the numbers or colours in the readable masks mean.

        Raises:
            BadInput: a list of classes is wrong, or there is none and the masks do not tell.
        """
        raise TypeError(f"{self.name} has no legend()")

    def looked(self, files: Any, names: list[str]) -> dict[str, Mask]:
        """What each of the named masks holds."""
        return remembered(files, files.stamps(names), Mask, look, "-masks")

    def mask(self, files: Any, name: str) -> Image.Image:
        """A mask as `lab.inputs.mask_files.plain` gives it.

        Raises:
            Unreadable: what is wrong with it.
        """
        return plain(files.read(name))

    def survey(self, data_dir):
        found = super().survey(data_dir)
        masks = self.looked(found.files, [e.label for e in found.examples])
        unfit = {e.label: _unfit(e.name, found.entries[e.name], masks[e.label]) for e in found.examples}
        broken = found.broken | {name: reason for name, reason in unfit.items() if reason}
        usable = [e for e in found.examples if e.label not in broken]
        found = found._replace(examples=usable, masks=masks, broken=broken)
        return found._replace(legend=self.legend(found))

    def usable(self, data_dir):
        found = super().usable(data_dir)
        for name, reason in outside(found).items():
            raise BadInput(
                f"{found.files.called(name)} {reason}; correct the mask, or the list of classes "
                "(`python -m lab.data verify` lists all such masks)"
            )
        return found

    def whole(self, found):
        from lab.inputs.reading import OnDemand

        assert self.px is not None
        size, read = hw(self.px), self.reader(found)
        masks = OnDemand(lambda i: read(i, size), size, np.arange(len(found.examples)))
        return replace(self.split(found, masks), pixels=pixels(found)), {"classes": found.legend.classes}

    def reader(self, found: Survey) -> Callable[[int, tuple[int, int]], Array]:
        """What gives the labels (*size) uint8 of a readable example's number at a size.

        It raises:
            BadInput: the mask cannot be read any more.
        """
        names = [e.label for e in found.examples]
        tables = [table(found.legend, found.masks[n]) for n in names]

        def read(i: int, size: tuple[int, int]) -> Array:
            try:
                return labelled(self.mask(found.files, names[i]), *tables[i], size, self.fit)
            except Unreadable as error:
                raise BadInput(f"{found.files.called(names[i])} {error}") from None

        return read

    def contents(self, found):
        meaning = digest_of([repr(found.legend)])[:16]
        masks = (found.masks[e.label].sha256 for e in found.examples)
        return [f"{image} {mask} {meaning}" for image, mask in zip(super().contents(found), masks, strict=True)]

    def strata(self, found):
        return rarest(pixels(found))

    def palette(self, found):
        return found.legend.palette


def table(legend: Legend, mask: Mask) -> tuple[Array, Array]:
    """(the values that a mask has, ascending, and the label of each, uint8); what means nothing is ignored."""
    labels = [IGNORED if label is None else label for label in legend.labels(mask)]
    return np.array(mask.values, "int64"), np.array(labels, "uint8")


def pixels(found: Survey) -> Array:
    """How many pixels of each class every readable example's mask has, (N, K)."""
    counted = np.zeros((len(found.examples), 256), "int64")
    for row, example in zip(counted, found.examples, strict=True):
        mask = found.masks[example.label]
        np.add.at(row, table(found.legend, mask)[1], mask.counts)
    return counted[:, : len(found.legend.classes)]


def rarest(counted: Array) -> Array:
    """The class (N,) in each image that the fewest images hold, of pixels (N, K); 0 where there is none."""
    held = counted > 0
    return np.where(held, held.sum(axis=0), len(counted) + 1).argmin(axis=1)


def _unfit(image: str, entry: Entry, mask: Mask) -> str | None:
    """Why a mask cannot be used with its image; None if it can."""
    if mask.error:
        return mask.error
    if (mask.width, mask.height) != (entry.width, entry.height):
        return (
            f"has {mask.width} x {mask.height} pixels, and its image {image} has {entry.width} x {entry.height}; a "
            "mask has the size of its image"
        )
    return None


def outside(found: Survey) -> dict[str, str]:
    """The readable masks that have a value or a colour of no class, each with which."""
    wrong = {}
    for example in found.examples:
        mask = found.masks[example.label]
        labels = found.legend.labels(mask)
        if None in labels:
            place = labels.index(None)
            wrong[example.label] = f"has {_named(mask, place, found.legend)} in {mask.counts[place]:,} pixels"
    return wrong


def _named(mask: Mask, place: int, legend: Legend) -> str:
    if legend.values and mask.mode != "RGB":
        known = sorted(v for v in legend.values if v != IGNORED)
        allowed = f"{known[0]} to {known[-1]}" if len(known) > 1 else str(known[0])
        return f"the value {mask.values[place]}, which is no class ({allowed}) and not {IGNORED} (ignored),"
    if not mask.colours:
        return f"the value {mask.values[place]} and no colours, which the classes are listed by,"
    return f"the colour {rgb_of(mask.colours[place])}, which is of no class,"


def pooled(found: Survey) -> Counter[int]:
    """The numbers of all readable masks together, each with its pixels; grey colours count as numbers."""
    total: Counter[int] = Counter()
    for example in found.examples:
        mask = found.masks[example.label]
        for value, count in zip(mask.values, mask.counts, strict=True):
            total[value // GREY if mask.is_grey else value] += count
    return total
