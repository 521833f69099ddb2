"""Which data set's layout a user's folder or archive has, by the names in it alone."""

import re
import zipfile
from pathlib import Path

from lab.datasets._pairs import are_pairs
from lab.inputs.bands import FILE
from lab.inputs.decoding import ENDINGS, SUFFIXES
from lab.inputs.folders import hidden, listed

COCO = re.compile(r"(^|/)annotations/instances_[^/]*\.json$")


def layout_of(path: Path) -> str:
    """`coco`, `mmseg`, `masks`, or `folder`: class folders, or what `folder` then refuses."""
    names = [n for n in (_archived(path) if path.is_file() else _below(path)) if not hidden(n)]
    if any(".json" in n and COCO.search(n) for n in names):
        return "coco"
    endings = ENDINGS if any(n.endswith(FILE) and n.rpartition("/")[2] == FILE for n in names) else SUFFIXES
    images = {n.rpartition("/")[0]: n for n in names if n.lower().endswith(endings)}  # one of each folder tells
    if all(any(word in folder.split("/") for folder in images) for word in ("img_dir", "ann_dir")):
        return "mmseg"
    return "masks" if images and are_pairs(images.values()) else "folder"


def _archived(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [i.filename for i in archive.infolist() if not i.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError):
        return []  # whoever reads it says what is wrong


def _below(path: Path) -> list[str]:
    there = listed(path)
    return [*there.files, *there.others]
