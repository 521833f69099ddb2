"""A scene larger than a network: its mask by overlapping windows, a few rows at a time, with its place on the ground.

A window stands every half of its size; where windows overlap, their probabilities are averaged, each pixel's weight
falling towards the window's edge, where a network knows least. Memory is that of one row of windows.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.galleries.masks import unlabelled
from lab.inputs.bands import Band
from lab.inputs.data import IGNORED
from lab.inputs.decoding import Unreadable, first_line
from lab.inputs.rasters import raster, read
from lab.inputs.scaling import is_datum
from lab.progress import over

Array = np.ndarray


class Scene:
    """An image of any size, read a window at a time: a GeoTIFF on disk, or else the whole of it at once.

    Attributes:
        height, width: in pixels.
        place: what a GeoTIFF of its mask says of where it lies: `crs` and `transform`; {} where it says nothing.
    """

    def __init__(self, files: Any, name: str, bands: tuple[Band, ...]):
        """One of the `Files`.

        Raises:
            BadInput: it is no image, or has other bands than the run's data.
        """
        self.bands, self.called = bands, files.called(name)
        self._closed = ExitStack()
        try:
            self._open(files, name)
        except Unreadable as error:
            raise BadInput(f"{self.called} {error}") from None

    def _open(self, files: Any, name: str) -> None:
        path, self.place = files.root / name, {}
        self._raster: Any = None
        if name in files.packed or not path.is_file() or path.suffix.lower() not in (".tif", ".tiff"):
            self._array = read(files, name, self.bands)
            self.height, self.width = self._array.shape[:2]
            return
        self._raster = self._closed.enter_context(raster(path))
        if self._raster.count != len(self.bands):
            raise Unreadable(f"has {self._raster.count} bands; the run's data have {len(self.bands)}")
        self.height, self.width = self._raster.height, self._raster.width
        if self._raster.crs:
            self.place = {"crs": self._raster.crs, "transform": self._raster.transform}

    def read(self, top: int, left: int, height: int, width: int) -> Array:
        """A window (height, width, C) as stored; what is beyond the edge repeats it.

        Raises:
            BadInput: the file is damaged there.
        """
        part = self._array[top : top + height, left : left + width] if self._raster is None else self._read(
            left, top, min(width, self.width - left), min(height, self.height - top)
        )  # fmt: skip
        missing = [(0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0)]
        return np.pad(part, missing, mode="edge")

    def _read(self, *window: int) -> Array:
        """(height, width, C) of a window: left, top, width, height."""
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        try:
            return np.moveaxis(self._raster.read(window=Window(*window)), 0, 2)
        except RasterioError as error:
            raise BadInput(f"{self.called} cannot be read: {first_line(error)}; fetch it again") from None

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.close()


def rows(
    scene: Scene, size: tuple[int, int], count: int, predict: Callable[[Array], Array]
) -> Iterator[tuple[int, Array]]:
    """Yields (first row, labels (h, W) uint8) of a scene from top to bottom; where no band has a datum, 255.

    `predict` takes windows (B, *size, C) as stored, up to `count` at a time, and gives probabilities (B, *size, K).
    """
    high, wide = size
    weight = np.outer(*(1 - np.abs(np.linspace(-1, 1, n + 2)[1:-1]) for n in size)).astype("float32")[..., None]
    tops, lefts = starts(scene.height, high), starts(scene.width, wide)
    total, seen = None, np.zeros((high, lefts[-1] + wide), bool)
    with over(f"predicting {scene.called}", len(tops) * len(lefts)) as advance:
        for top, following in pairwise([*tops, scene.height]):
            for start in range(0, len(lefts), count):
                part = lefts[start : start + count]
                windows = np.stack([scene.read(top, left, high, wide) for left in part])
                found = predict(windows)
                total = np.zeros((*seen.shape, found.shape[-1]), "float32") if total is None else total
                for left, window, p in zip(part, windows, found, strict=True):
                    total[:, left : left + wide] += weight * p
                    seen[:, left : left + wide] |= _has_datum(window, scene.bands)
                advance(len(part))
            assert total is not None
            done = following - top
            labels = np.where(seen, total.argmax(axis=2), IGNORED).astype("uint8")
            yield top, labels[:done, : scene.width]
            total, seen = (np.concatenate([x[done:], np.zeros_like(x[:done])]) for x in (total, seen))


def starts(extent: int, window: int) -> list[int]:
    """Where windows begin along an axis: every half of one, the last at the end."""
    last = max(0, extent - window)
    return [*range(0, last, max(1, window // 2)), last]


def _has_datum(window: Array, bands: tuple[Band, ...]) -> Array:
    """Where any band of (h, w, C) has a datum."""
    return np.any([is_datum(window[..., i], band.nodata) for i, band in enumerate(bands)], axis=0)


@contextmanager
def geotiff(path: Path, scene: Scene, colours: Array) -> Iterator[Callable[[int, Array], None]]:
    """Gives what writes rows of a scene's mask; the file is there, whole, when all are written.

    A GeoTIFF of 8 bits, deflated, in tiles, with the scene's place on the ground; a pixel is its class, 255 is none.
    """
    import rasterio
    from rasterio.windows import Window

    from lab.files import replacing

    path.parent.mkdir(parents=True, exist_ok=True)
    table = {i: (*colour, 255) for i, colour in enumerate(colours.tolist())}
    with replacing(path) as unfinished, rasterio.open(
        unfinished, "w", "GTiff", scene.width, scene.height, 1, dtype="uint8", nodata=IGNORED, compress="deflate",
        tiled=True, BIGTIFF="IF_SAFER", **scene.place,
    ) as made:  # fmt: skip
        made.write_colormap(1, table | {IGNORED: (*unlabelled(colours), 0)})

        def write(top: int, labels: Array) -> None:
            made.write(labels, 1, window=Window(0, top, labels.shape[1], labels.shape[0]))

        yield write
