from dataclasses import dataclass
from typing import Annotated

from lab.datasets._masked import Masked, pooled
from lab.datasets._own import Survey
from lab.datasets._pairs import paired
from lab.errors import BadInput
from lab.inputs.class_list import Classes, listed
from lab.inputs.folders import Files
from lab.inputs.legends import Legend, legend_of, listed_legend
from lab.inputs.mask_files import Mask
from lab.names import Between


@dataclass(frozen=True)
class Masks(Masked):
    """Your own images and masks in the folders images/ and masks/ (or a zip of them), matched by name.

    `--dataset my_folder/` is short for it. The folders may be called image(s), img(s), JPEGImages, photos or data,
    and mask(s), label(s), annotation(s), annot(s), gt, ground_truth, segmentation(s), SegmentationClass or targets;
    train, val and test may be above them, below them or part of their names (`train_masks`). A mask is called as its
    image, or so with `_mask`, `_label`, `_segmentation`, `_gt` and the like behind. 255 is ignored.

    What the masks mean: `classes.txt` has a class on each line, the first is 0; `classes.csv` has the columns name,
    r, g, b for masks in colours. A class called void, ignore(d) or unlabel(l)ed is ignored. Without a list, masks of
    0 and 1 or 0 and 255 are background and foreground, and so are masks that were saved as JPEG or smoothed, cut at
    half: they have values just below 255, and less than a tenth of their pixels are farther than 32 from 0 and 255.
    Other masks have a class for each value, called by it. `threshold` makes any masks binary: the values from there
    on are foreground.
    """

    threshold: Annotated[int | None, Between(1, 65535)] = None

    def found(self, data_dir):
        files = Files(data_dir, self.name)
        return files, paired(files, files.pictures())

    def legend(self, found):
        return legend_by(listed(found.files), found, self.threshold)


def legend_by(classes: Classes | None, found: Survey, threshold: int | None = None) -> Legend:
    """What the masks mean, by a list of classes or without one.

    Raises:
        BadInput: they have colours, and there is no list; see also `legend_of`.
    """
    masks = {e.label: found.masks[e.label] for e in found.examples}
    if classes and classes.colours and any(_is_coloured(m, set(classes.colours)) for m in masks.values()):
        return listed_legend(classes, {})
    if coloured := [name for name, m in masks.items() if m.mode == "RGB" and not m.is_grey]:
        raise BadInput(
            f"{found.files.called(coloured[0])} has colours; say what they mean in a file classes.csv with the columns "
            "name, r, g, b"
        )
    return legend_of(pooled(found), classes, threshold, found.files.title)


def _is_coloured(mask: Mask, known: set[int]) -> bool:
    """Whether a mask is to be read by the colours of the classes: it has three bands, or a palette of these."""
    return mask.mode == "RGB" or (mask.mode == "P" and bool(mask.colours) and set(mask.colours) <= known)
