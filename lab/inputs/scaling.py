"""Stored values of bands to the 0 to 255 that networks here are given: from the training split, band by band.

A band's range goes from the lower to the upper whisker of its box plot (Tukey 1977): the values within 1.5 times the
middle half's width of it. So clouds and glints, which are few and far off, do not press all else together; they come
out as 255. What is no datum (a value that the band declares so, or not a number) comes out as the band's median.

A table's column goes from `REACH` deviations below its mean to as many above, which the backbone `columns` undoes: it
is standardised there, and farther values are cut. What is 0 or 1 in all rows stays so.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lab.inputs.bands import Band, shown
from lab.inputs.data import Data, Split, evenly

Array = np.ndarray
IMAGES = 512  # of the training split that are looked at, evenly spread
VALUES = 2048  # of each of them, evenly spread
REACH = 10.0  # deviations from a column's mean that 0 and 255 are


@dataclass(frozen=True)
class Scaling:
    """For each band that a network is given: its place in the image, its range, its median, its no-data value.

    All in stored values; nothing here is learnt after it is made.
    """

    take: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    middle: tuple[float, ...]
    nodata: tuple[float | None, ...]

    def __call__(self, images: Any) -> Any:
        """Images (N, H, W, all bands) of any type to (N, H, W, C) float32, 0 to 255, on the device."""
        from keras import ops

        return self._scaled(ops, ops.cast(images, "float32"))

    def array(self, images: Array) -> Array:
        """The same of an array, without Keras."""
        return self._scaled(np, images.astype("float32"))

    def _scaled(self, of: Any, images: Any) -> Any:
        """With the functions of NumPy, or of `keras.ops`."""
        x = of.take(images, np.array(self.take), axis=-1)
        middle, low, high = (np.array(v, "float32") for v in (self.middle, self.low, self.high))
        nodata = np.array([np.nan if v is None else v for v in self.nodata], "float32")
        # one after the other: tf2onnx 1.17 loses one of two that are joined by a logical or
        x = of.where(of.isnan(x), middle, of.where(of.equal(x, nodata), middle, x))
        return of.clip(255 * (x - low) / (high - low), 0, 255)

    def record(self) -> dict[str, Any]:
        """As a run's record holds it; what stands for no datum, the bands say."""
        return {k: v for k, v in asdict(self).items() if k != "nodata"}


def pictures(data: Data) -> Callable[[Array], Array]:
    """What makes images (M, H, W, bands) of the data ones to look at, (M, H, W, 3) or (M, H, W, 1) uint8."""
    if not data.bands:
        return lambda images: images
    view = scaling(data.train, data.bands, shown(data.bands))
    return lambda images: view.array(images).astype("uint8")


def scaling(split: Split, bands: Sequence[Band], take: Sequence[int]) -> Scaling:
    """What brings these bands of a training split's images to 0 to 255."""
    found = [whiskers(values) for values in _sample(split, bands, take)]
    if split.images.dtype == np.uint8:  # on the scale already
        found = [(0.0, middle, 255.0) for _, middle, _ in found]
    low, middle, high = (tuple(float(f[k]) for f in found) for k in range(3))
    return Scaling(tuple(take), low, high, middle, tuple(bands[i].nodata for i in take))


def standardizing(split: Split, bands: Sequence[Band], take: Sequence[int]) -> Scaling:
    """What brings these columns of a table's training split to 0 to 255: see `REACH`."""
    rows = np.asarray(split.images[np.arange(len(split))]).reshape(len(split), -1)
    found = [standard(v[is_datum(v, bands[i].nodata)].astype("float64")) for i, v in ((i, rows[:, i]) for i in take)]
    low, middle, high = (tuple(float(f[k]) for f in found) for k in range(3))
    return Scaling(tuple(take), low, high, middle, tuple(bands[i].nodata for i in take))


def standard(values: Array) -> tuple[float, float, float]:
    """(lowest, median, highest) of finite values, where the mean is 0 and the deviation 1, or 0 is 0 and 1 is 1.

    What is constant is given a deviation of 1.
    """
    if not len(values):
        return -REACH, 0.0, REACH
    if np.isin(values, (0, 1)).all():
        return -REACH, float(np.median(values)), REACH
    mean = values.mean()
    deviation = max(values.std() or 1.0, step(mean))
    return mean - REACH * deviation, float(np.median(values)), mean + REACH * deviation


def whiskers(values: Array) -> tuple[float, float, float]:
    """(lower whisker, median, upper whisker) of finite values; what is constant is given a width of 1.

    Where half of the values are one and the same, the 1st and the 99th percentile stand for the whiskers.
    """
    if not len(values):
        return 0.0, 0.0, 1.0
    first, lower, middle, upper, last = np.percentile(values.astype("float64"), (1, 25, 50, 75, 99))
    if upper > lower:
        reach = 1.5 * (upper - lower)
        within = values[(values >= lower - reach) & (values <= upper + reach)]
        first, last = within.min(), within.max()
    wide = np.float32(last) > np.float32(first)
    return float(first), float(middle), float(last if wide else first + max(1.0, 2 * step(first)))


def step(value: float) -> float:
    """How far apart numbers of 32 bits are there: a range that is narrower would be divided by as if it were 0."""
    return float(np.spacing(np.float32(abs(value))))


def is_datum(values: Array, nodata: float | None) -> Array:
    """Where stored values mean something: they are numbers, and not the one that stands for none."""
    finite = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    return finite if nodata is None or np.isnan(nodata) else finite & (values != nodata)


def _sample(split: Split, bands: Sequence[Band], take: Sequence[int]) -> list[Array]:
    """Values of each band, without what is no datum."""
    chosen = evenly(len(split), IMAGES)
    parts = []
    for start in range(0, len(chosen), 32):
        images = split.images[chosen[start : start + 32]]
        pixels = images.reshape(len(images), -1, images.shape[-1])
        places = evenly(pixels.shape[1], VALUES)
        parts.append(pixels[:, places].reshape(-1, images.shape[-1])[:, list(take)])
    values = np.concatenate(parts)
    return [v[is_datum(v, bands[i].nodata)] for v, i in zip(values.T, take, strict=True)]
