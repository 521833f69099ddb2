import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from lab.datasets import digest_of
from lab.datasets._masked import Masked
from lab.datasets._own import Example
from lab.errors import BadInput
from lab.inputs.class_list import VOID, Classes, numbered
from lab.inputs.data import IGNORED
from lab.inputs.decoding import LARGEST, Unreadable
from lab.inputs.folders import Files, hidden
from lab.inputs.index import remembered
from lab.inputs.legends import listed_legend
from lab.inputs.mask_files import Mask, seen
from lab.inputs.outlines import area_of, runs_of
from lab.inputs.splitting import split_called

BACKGROUND = "background"
LARGEST_JSON = 2 << 30  # bytes; parsed, it takes some ten times as many in memory


class Drawn(NamedTuple):
    """What is drawn on an image: its size, and (category, outline) of each annotation in the order of the file."""

    height: int
    width: int
    marks: list[tuple[int, Any]]


@dataclass(frozen=True)
class Coco(Masked):
    """Masks drawn from COCO's JSON: polygons and run lengths in annotations/instances_train2017.json, ...

    The split is in the file's name (`instances_val2017.json`, or `instances_default.json` for none, as CVAT exports);
    images are found by their `file_name`, in whatever folder, and those that no file names are left alone. Classes
    are the categories in the order of their ids. Where annotations overlap, crowds among them, the smaller one is on
    top; of equal ones the later. A pixel without any is background: class 0, or the category of that name. A category
    called void, ignore(d) or unlabel(l)ed is ignored, and where there is one and no category background, so is a pixel
    without annotation. The whole JSON is parsed in memory.
    Lin et al. 2014, https://arxiv.org/abs/1405.0312; https://cocodataset.org/#format-data
    """

    def found(self, data_dir):
        files = Annotated(data_dir, self.name)
        found = []
        for name in files.annotations():
            word = name.rpartition("_")[2].removesuffix(".json")
            split = split_called(re.sub(r"\d+$", "", word))
            found += [Example(image, label, split) for image, label in files.add(name, word).items()]
        return files, found

    def looked(self, files, names):
        def look(_: Files, name: str) -> Mask:
            try:
                return seen(files.mask(name), stamps[name])
            except Unreadable as error:
                return Mask(stamps[name], error=str(error))

        meaning = repr(files.classes())
        stamps = {n: digest_of([meaning, json.dumps(files.drawn[n])]) for n in names}
        return remembered(files, stamps, Mask, look, "-drawn")

    def mask(self, files, name):
        return files.mask(name)

    def legend(self, found):
        classes = found.files.classes()
        return listed_legend(classes, {i: i for i in range(len(classes.names))} | {IGNORED: IGNORED})


class Annotated(Files):
    """Files with JSON annotations, of which masks are drawn.

    Attributes:
        categories: the name of each category by its id.
        drawn: what is drawn on each image, by the mask's name, which is `FILE.json#IMAGE`.
    """

    def __init__(self, place: str | None, what: str):
        super().__init__(place, what, hint="; COCO's own is at https://cocodataset.org/#download")
        self.categories: dict[int, str] = {}
        self.drawn: dict[str, Drawn] = {}
        self.images: dict[str, list[str]] = {}  # by their names without the folder
        for name in self.pictures():
            self.images.setdefault(name.rpartition("/")[2], []).append(name)

    def annotations(self) -> list[str]:
        """Names of the JSON files with instances.

        Raises:
            BadInput: there is none.
        """
        found = sorted(n for n in self.names if re.search(r"(^|/)instances_[^/]*\.json$", n) and not hidden(n))
        if not found:
            raise BadInput(f"{self.title} has no annotations/instances_*.json, which says what is on its images")
        return found

    def classes(self) -> Classes:
        """The categories in the order of their ids, behind the background where they do not say what is."""
        names = [self.categories[i] for i in sorted(self.categories)]
        return numbered([*([BACKGROUND] if _blank(names) is None else []), *names], [], self.title)

    def add(self, name: str, word: str) -> dict[str, str]:
        """The images that a JSON file names and their masks; `word` is the folder that they may lie in.

        Raises:
            BadInput: it is no such file, or names an image that is not there, or twice.
        """
        where = self.called(name)
        try:
            with self.open(name, LARGEST_JSON) as (stream, _):
                held = json.load(stream)
            categories = {int(c["id"]): str(c["name"]) for c in held["categories"]}
            drawn = {i["id"]: Drawn(int(i["height"]), int(i["width"]), []) for i in held["images"]}
            for mark in held["annotations"]:
                if mark["category_id"] not in categories or mark["image_id"] not in drawn:
                    raise BadInput(f"{where}: annotation {mark.get('id')} is of an image or category that it lacks")
                drawn[mark["image_id"]].marks.append((mark["category_id"], mark["segmentation"]))
            images = {i["id"]: self.image_called(str(i["file_name"]), word, where) for i in held["images"]}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadInput(f"{where} is not a file of COCO's format: {error!r:.100}") from None
        if self.categories not in ({}, categories):
            raise BadInput(f"{where} has other categories than the file before it; give all files the same")
        self.categories = categories
        taken = {label.partition("#")[2] for label in self.drawn}
        for image in images.values():
            if image in taken:
                raise BadInput(f"{where} names {image}, which is named before; an image is in one file, once")
            taken.add(image)
        labels = {images[i]: f"{name}#{images[i]}" for i in images}
        self.drawn |= {labels[images[i]]: of for i, of in drawn.items()}
        return labels

    def image_called(self, wanted: str, word: str, where: str) -> str:
        """The image file that `file_name` means.

        Raises:
            BadInput: it is not there, or may be one of several.
        """
        there = [n for n in self.images.get(wanted.rpartition("/")[2], []) if f"/{n}".endswith(f"/{wanted}")]
        near = [n for n in there if word in n.split("/")] or there
        if len(near) != 1:
            fault = f"which may be {' or '.join(near[:2])}" if near else "which is not there"
            raise BadInput(f"{where} names {wanted}, {fault}; put it into a folder called {word}/")
        return near[0]

    def mask(self, name: str) -> Image.Image:
        """The mask of this name: labels, and 255 where they are ignored.

        Raises:
            Unreadable: an annotation does not fit its image, or is neither polygons nor run lengths.
        """
        drawn, label = self.drawn[name], self.labels()
        if not 0 < drawn.height * drawn.width <= LARGEST:
            raise Unreadable(
                f"has {drawn.width:,} x {drawn.height:,} pixels by its annotations; 1 to {LARGEST:,} are allowed"
            )
        pixels = np.full((drawn.height, drawn.width), label[None], "uint8")
        areas = [(category, runs_of(mark, drawn.height, drawn.width)) for category, mark in drawn.marks]
        for category, runs in sorted(areas, key=lambda a: -int(a[1][1::2].sum())):
            pixels[area_of(runs, drawn.height, drawn.width)] = label[category]
        return Image.fromarray(pixels)

    def labels(self) -> dict[int | None, int]:
        """The label of each category, and that of no annotation under None."""
        order = sorted(self.categories)
        labels = self.classes().labels
        of: dict[int | None, int] = dict(zip(reversed(order), reversed(labels), strict=False))
        blank = _blank([self.categories[i] for i in order])
        return of | {None: 0 if blank is None else of[order[blank]]}


def _blank(names: list[str]) -> int | None:
    """Which of the categories says what a pixel without annotation is; None where none does."""
    words = [n.lower() for n in names]
    return next((i for kinds in ((BACKGROUND,), VOID) for i, word in enumerate(words) if word in kinds), None)
