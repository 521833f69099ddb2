"""Predicted masks as files: at their images' own sizes, numbers and colours at once. No Keras."""

import io
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from lab.errors import BadInput
from lab.files import write_atomically
from lab.galleries.masks import unlabelled
from lab.inference import windows
from lab.inference.predicting import Job, at_once, predictor
from lab.inputs.class_list import palette
from lab.inputs.data import IGNORED
from lab.inputs.decoding import Fit, seen

Array = np.ndarray


def restored(probabilities: Array, own: tuple[int, int], fit: Fit = "squash") -> Array:
    """The mask (h, w) uint8 of an image of its `own` size from its probabilities (H, W, K) float32 at the run's.

    The probabilities are resized bilinearly, one class after the other, and the greatest wins; what is padded is cut
    off, and what was cropped away is `IGNORED`.
    """
    part, place = seen(own, probabilities.shape[:2], fit)
    wide, high = part[2] - part[0], part[3] - part[1]
    best, label = np.full((high, wide), -1, "float32"), np.zeros((high, wide), "uint8")
    for number, plane in enumerate(np.moveaxis(probabilities, -1, 0)):
        resized = np.asarray(Image.fromarray(plane).resize((wide, high), Image.Resampling.BILINEAR, box=place))
        label[resized > best] = number
        best = np.maximum(best, resized)
    whole = np.full(own, IGNORED, "uint8")
    whole[part[1] : part[3], part[0] : part[2]] = label
    return whole


def shares(mask: Array, classes: int) -> Array:
    """Fraction (K,) of a mask's pixels that each class has; ignored ones are not counted."""
    counts = np.bincount(mask.ravel(), minlength=256)[:classes]
    return counts / max(counts.sum(), 1)


def colours(record: dict[str, Any]) -> Array:
    """The colour (K, 3) uint8 of each class of a run; records from before they were kept get a fixed row of them."""
    return np.array(record["data"].get("palette") or palette(len(record["data"]["classes"])), "uint8")


def png(mask: Array, colours: Array) -> bytes:
    """A mask (h, w) uint8 as a PNG with a palette: a pixel's value is its class, and viewers show its colour."""
    table = np.zeros((256, 3), "uint8")
    table[: len(colours)], table[IGNORED] = colours, unlabelled(colours)
    image, buffer = Image.fromarray(mask), io.BytesIO()
    image.putpalette(table.tobytes())
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Folder:
    """Where the masks of image files go: `sub/a.png` for `sub/a.jpg`.

    Attributes:
        colours: of each class (K, 3) uint8.
        has_overlays: `sub/a.overlay.jpg` is written, too: the image in grey with its mask over it.
    """

    path: Path
    colours: Array
    has_overlays: bool = False
    ending: str = ".png"

    def check(self, files: list[tuple[str, Any, str]]) -> None:
        """Refuses a folder in which a mask would take the place of an image or of another mask.

        Raises:
            BadInput: names both files.
        """
        inputs = {(f.root / name).resolve(): name for _, f, name in files if name not in f.packed}
        taken: dict[Path, str] = {}
        for shown, _, name in files:
            for target in self._targets(name):
                if target.resolve() in inputs:
                    raise BadInput(f"{target} is one of the images, which no mask replaces; choose another --to-dir")
                if (other := taken.setdefault(target, shown)) != shown:
                    raise BadInput(f"{other} and {shown} would both become {target}; give them in two commands")

    def write(self, files: Any, name: str, mask: Array) -> None:
        """Writes the mask (h, w) of a file, whole or not at all."""
        from lab.data.show import overlaid

        target, *overlay = self._targets(name)
        write_atomically(target, png(mask, self.colours))
        for place in overlay:
            buffer = io.BytesIO()
            Image.fromarray(overlaid(files.image(name, mask.shape), mask, self.colours)).save(buffer, "JPEG")
            write_atomically(place, buffer.getvalue())

    def target(self, name: str) -> Path:
        """Where a file's mask goes."""
        return self._targets(name)[0]

    def _targets(self, name: str) -> list[Path]:
        place = self.path / PurePosixPath(name).parent
        stem = PurePosixPath(name).stem
        return [place / f"{stem}{self.ending}", *([place / f"{stem}.overlay.jpg"] if self.has_overlays else [])]


def of_rasters(job: Job) -> Iterator[Array]:
    """Yields the share of pixels (K,) that each class has in each raster of any size, and writes its mask as GeoTIFF.

    Raises:
        BadInput: a file is no image, or has other bands; a mask would replace an image.
    """
    count, palette_ = at_once(job.record), colours(job.record)
    predict, size = predictor(job.record, job.weights, count), tuple(job.record["data"]["shape"][:2])
    folder = Folder(Path(job.to_dir), palette_, ending=".tif") if job.to_dir else None
    if folder:
        folder.check(job.files)
    for _, of, name in job.files:
        scene, held = windows.Scene(of, name, of.bands), np.zeros(256, "int64")
        written = windows.geotiff(folder.target(name), scene, palette_) if folder else nullcontext(lambda *_: None)
        with scene, written as write:
            for top, labels in windows.rows(scene, size, count, predict):
                write(top, labels)
                held += np.bincount(labels.ravel(), minlength=256)
        counts = held[: len(palette_)]
        yield counts / max(counts.sum(), 1)


def of_pictures(job: Job, answers: Iterator[Array]) -> Iterator[Array]:
    """Yields the share of pixels (K,) that each class has in each file, and writes the masks where there is a folder.

    Raises:
        BadInput: a mask would replace an image or another mask.
    """
    folder = Folder(Path(job.to_dir), colours(job.record), job.overlay) if job.to_dir else None
    if folder:
        folder.check(job.files)
    sizes = [of.size(name) for _, of, name in job.files]
    for (_, of, name), size, p in zip(job.files, sizes, answers, strict=True):
        mask = restored(p, size, job.fit)
        if folder:
            folder.write(of, name, mask)
        yield shares(mask, len(job.record["data"]["classes"]))
