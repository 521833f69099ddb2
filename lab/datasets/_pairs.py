"""Which mask belongs to which image, by the names of folders and files."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import takewhile
from typing import Literal, NamedTuple

from lab.datasets._own import Example
from lab.errors import BadInput
from lab.inputs.decoding import ENDINGS
from lab.inputs.folders import Files
from lab.inputs.splitting import split_called

Role = Literal["image", "mask"]
ROLES: dict[Role, tuple[str, ...]] = {
    "image": ("images", "image", "imgs", "img", "jpegimages", "photos", "data"),
    "mask": (
        "masks", "mask", "labels", "label", "annotations", "annotation", "annots", "annot", "ann", "gt",
        "groundtruth", "segmentations", "segmentation", "segmentationclass", "targets",
    ),
}  # fmt: skip
END_OF_MASK = re.compile(
    r"[_\-. ](masks?|labels?|l|gt|seg|segmentation|annotation|groundtruth|(gtfine_)?label(train)?ids)$", re.I
)
END_OF_IMAGE = re.compile(r"[_\-. ](image|img|leftimg8bit|sat|rgb)$", re.I)


class Place(NamedTuple):
    """What the folders around a file say of it; `rest` is what they say besides."""

    split: str | None
    role: Role | None
    rest: str


def places(names: Iterable[str]) -> dict[str, Place]:
    """What the folders say of each file; those around all of the files say nothing."""
    folders = {n: n.split("/")[:-1] for n in names}
    around = len(list(takewhile(lambda level: len(set(level)) == 1, zip(*folders.values(), strict=False))))
    return {n: _place("/".join(f[around:])) for n, f in folders.items()}


@lru_cache(10_000)
def _place(folders: str) -> Place:
    split: str | None = None
    role: Role | None = None
    rest: list[str] = []
    for folder in filter(None, folders.split("/")):
        left = []
        for word in re.split(r"[_\- ]", re.sub(r"ground[_\- ]truth", "gt", folder, flags=re.I)):
            found = _meaning(word.lower())
            split, role = found[0] or split, found[1] or role
            left += [] if any(found) else [word]
        rest += ["_".join(left)] if left else []
    return Place(split, role, "/".join(rest))


def _meaning(word: str) -> tuple[str | None, Role | None]:
    """(split, role) of a word such as train, masks or trainannot."""
    if split := split_called(word):
        return split, None
    for role, known in ROLES.items():
        if word in known:
            return None, role
        for end in known:
            if word.endswith(end) and (split := split_called(word.removesuffix(end))):
                return split, role
    return None, None


def are_pairs(names: Iterable[str]) -> bool:
    """Whether these files are images and masks by their folders, and nothing else."""
    found = list(places(names).values())
    masks = [p for p in found if p.role == "mask"]
    images = [p for p in found if p.role == "image" or _beside(p)]
    return bool(masks and images) and len(masks) + len(images) == len(found)


def _beside(place: Place) -> bool:
    """Whether a file lies in `train/`, whose masks lie in `train_masks/`."""
    return place.role is None and place.split is not None and not place.rest


def paired(files: Files, names: list[str]) -> list[Example]:
    """Each image among the names with its mask as label, and its split where the folders give one.

    Raises:
        BadInput: an image without a mask or a mask without an image, by name; a file in neither folder.
    """
    of = places(names)
    keys = {n: (p.split or "", p.rest, stem(n)) for n, p in of.items()}
    masks = {n: keys[n] for n, p in of.items() if p.role == "mask"}
    images = {n: keys[n] for n, p in of.items() if p.role == "image" or _beside(p)}
    if not masks or not images:
        raise BadInput(
            f"{files.title} does not hold images and masks in folders of their own; call them images/ and masks/, "
            "img_dir/ and ann_dir/, or train/ and train_masks/"
        )
    if lost := sorted(set(names) - set(masks) - set(images)):
        raise BadInput(
            f"{files.called(lost[0])} lies neither in a folder of images nor in one of masks; put it into one, or move "
            "it away"
        )
    return matched(files, images, masks)


def stem(name: str) -> str:
    """The name of a file, or of a folder with a file a band, without what is around it and without its ending."""
    word = name.rpartition("/")[2]
    return next((word[: -len(ending)] for ending in ENDINGS if word.lower().endswith(ending)), word)


Key = tuple[str, str, str]


def matched(files: Files, images: dict[str, Key], masks: dict[str, Key]) -> list[Example]:
    """Examples of images and masks whose keys (split or "", folder, stem) are the same.

    Where no image has a mask's stem, an ending such as `_mask` does not count, nor does an image's `_image`.

    Raises:
        BadInput: names the file that is alone, or two that are one.
    """
    known: dict[Key, str] = {}
    for name, key in images.items():
        if (other := known.setdefault(key, name)) != name:
            raise BadInput(f"{files.called(other)} and {files.called(name)} have one name; rename one and its mask")
    for name, (split, folder, word) in images.items():
        known.setdefault((split, folder, END_OF_IMAGE.sub("", word)), name)
    found: dict[str, str] = {}
    for name, (split, folder, word) in masks.items():
        image = known.get((split, folder, word)) or known.get((split, folder, END_OF_MASK.sub("", word)))
        if image is None:
            raise BadInput(
                f"{files.called(name)} is a mask without an image of its name; add the image, or remove the mask"
            )
        if (other := found.setdefault(image, name)) != name:
            raise BadInput(
                f"{files.called(image)} has two masks, {files.called(other)} and {files.called(name)}; keep one"
            )
    if alone := sorted(set(images) - set(found)):
        more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
        raise BadInput(
            f"{files.called(alone[0])} is an image without a mask of its name{more}; add the mask, or remove the image"
        )
    return [Example(name, found[name], key[0] or None) for name, key in images.items()]
