"""`python -m lab.data convert SRC --to mmseg|coco DIR`: images with masks, written in another format.

Images are copied as they are; masks keep their size. Splits are those of the source, or those that are drawn for it.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from lab import command
from lab.data.examined import SIZE
from lab.datasets import opened
from lab.datasets.coco import BACKGROUND
from lab.datasets.mmseg import META
from lab.errors import BadInput
from lab.files import write_atomically
from lab.inputs.class_list import VOID
from lab.inputs.data import IGNORED
from lab.inputs.outlines import outline, packed
from lab.inputs.splitting import SHARES
from lab.progress import over

Array = np.ndarray
FORMATS = ("mmseg", "coco")


class Area(NamedTuple):
    """A part of a mask as COCO's JSON has it; `box` is left, top, width and height."""

    label: int
    segmentation: Any
    pixels: int
    box: list[int]
    iscrowd: int


def main(argv: list[str]) -> int:
    made = command.parser("lab.data convert", "Writes images with masks in another format.")
    made.add_argument("dataset", metavar="SRC", help="as --dataset of lab.run: a folder or zip, camvid, coco, ...")
    made.add_argument("--data-dir", metavar="X", help="as of lab.run")
    made.add_argument("--to", nargs=2, required=True, metavar=("FORMAT", "DIR"), help="mmseg or coco, and a new folder")
    made.add_argument(
        "--as", dest="shape", choices=SHAPES, default="polygons",
        help="how COCO's JSON holds an area: polygons of its connected parts, or run lengths; left out: polygons",
    )  # fmt: skip
    args = made.parse_args(argv)
    form, where = args.to
    if form not in FORMATS:
        raise BadInput(f"--to takes {' or '.join(FORMATS)}, and a folder; received {form!r}")
    named, data_dir = opened(args.dataset, args.data_dir)
    dataset: Any = named.told(named.size or SIZE, None, False)
    if not hasattr(dataset, "reader"):
        raise BadInput(f"{args.dataset} has no masks in files that could be converted; it is for {dataset.task}")
    found = dataset.usable(data_dir)
    folder = command.root_of(where, "--to")
    if any(folder.iterdir()):
        raise BadInput(f"--to {where} is not empty; name a new folder")
    counts = (
        to_mmseg(dataset, found, folder) if form == "mmseg" else to_coco(dataset, found, folder, SHAPES[args.shape])
    )
    print(f"wrote {', '.join(f'{split}: {count:,}' for split, count in counts.items())} images and masks to {where}")
    return 0


def parts(dataset: Any, found: Any) -> list[tuple[str, Array]]:
    """Each split and its examples."""
    dealt = dataset.parts(found)
    return [(split, dealt[split]) for split in SHARES]


def each(dataset: Any, found: Any, split: str, indices: Array) -> Iterator[tuple[str, str, Array]]:
    """(its name, a name for it without folders, the mask (h, w)) of every image of a split."""
    read, taken = dataset.reader(found), set()
    with over(f"writing {split}", len(indices)) as advance:
        for i in indices.tolist():
            name, label = found.examples[i][:2]
            short = name.rpartition("/")[2]
            if Path(short).stem in taken:
                short = name.replace("/", "_")
            taken.add(Path(short).stem)
            yield name, short, read(i, (found.masks[label].height, found.masks[label].width))
            advance(1)


def to_mmseg(dataset: Any, found: Any, folder: Path) -> dict[str, int]:
    """Writes img_dir/, ann_dir/ (PNG with a palette) and meta.json; how many images of each split."""
    legend, counts = found.legend, {}
    meta = {"classes": legend.classes, "palette": legend.palette, "reduce_zero_label": False}
    write_atomically(folder / META, json.dumps(meta, indent=1))
    unused = [(0, 0, 0)] * (IGNORED - len(legend.palette))  # all 256 are written, or Pillow saves fewer bits a pixel
    colours = [band for colour in (*legend.palette, *unused, (255, 255, 255)) for band in colour]
    for split, indices in parts(dataset, found):
        for name, short, mask in each(dataset, found, split, indices):
            write_atomically(folder / "img_dir" / split / short, found.files.read(name))
            path = folder / "ann_dir" / split / f"{Path(short).stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            drawn = Image.frombytes("P", mask.shape[::-1], mask.tobytes())
            drawn.putpalette(colours)
            drawn.save(path)
        counts[split] = len(indices)
    return counts


def to_coco(dataset: Any, found: Any, folder: Path, shape: Callable[[Array, int], Iterator[Area]]) -> dict[str, int]:
    """Writes images/ and annotations/instances_SPLIT.json, the areas in this shape; how many images of each split.

    The categories are the classes, and `void` for what is ignored. Pixels of the class `background`, or void where
    there is none, are those without annotation.
    """
    names = [*found.legend.classes, VOID[0]]
    blank = next((i for i, n in enumerate(names[:-1]) if n.lower() == BACKGROUND), IGNORED)
    categories = [{"id": i, "name": name, "supercategory": ""} for i, name in enumerate(names, 1)]
    counts = {}
    for split, indices in parts(dataset, found):
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for name, short, mask in each(dataset, found, split, indices):
            write_atomically(folder / "images" / split / short, found.files.read(name))
            height, width = mask.shape
            images.append({"id": len(images) + 1, "file_name": short, "height": height, "width": width})
            for area in shape(mask, blank):
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": len(images),
                        "category_id": len(names) if area.label == IGNORED else area.label + 1,
                        "segmentation": area.segmentation,
                        "area": area.pixels,
                        "bbox": area.box,
                        "iscrowd": area.iscrowd,
                    }
                )
        held = {"info": {}, "licenses": [], "categories": categories, "images": images, "annotations": annotations}
        write_atomically(folder / "annotations" / f"instances_{split}.json", json.dumps(held))
        counts[split] = len(indices)
    return counts


def in_runs(mask: Array, blank: int) -> Iterator[Area]:
    """One area for each label but the blank one; COCO has run lengths for crowds only, and CVAT for all masks so."""
    for label in np.unique(mask).tolist():
        if label != blank:
            area = mask == label
            rows, columns = (np.flatnonzero(area.any(axis=axis)).tolist() for axis in (1, 0))
            box = [columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]]
            runs = {"size": list(mask.shape), "counts": packed(area)}
            yield Area(label, runs, int(area.sum()), box, 1)


def in_polygons(mask: Array, blank: int) -> Iterator[Area]:
    """One area for each connected part of a label, without its holes: what is in them is a smaller area, on top of it.

    For that, parts of the blank label are areas, too, unless they reach the mask's edge.
    """
    from scipy import ndimage

    height, width = mask.shape
    for label in np.unique(mask).tolist():
        numbers, _ = ndimage.label(mask == label)
        for number, (rows, columns) in enumerate(ndimage.find_objects(numbers), 1):
            top, left, bottom, right = rows.start, columns.start, rows.stop, columns.stop
            if label == blank and (top == 0 or left == 0 or bottom == height or right == width):
                continue
            points = np.array(outline(numbers[rows, columns] == number)).reshape(-1, 2) + np.array([left, top])
            x, y = points.T
            within = int(x @ np.roll(y, -1) - y @ np.roll(x, -1)) // 2  # Gauss's shoelace formula
            yield Area(label, [points.ravel().tolist()], within, [left, top, right - left, bottom - top], 0)


SHAPES = {"polygons": in_polygons, "rle": in_runs}
