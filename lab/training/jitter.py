"""The policies `light` and `strong`: an image moved, turned and zoomed, in one resampling, then its tones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from lab.training.warping import about_centre, bilinear

Array = np.ndarray
SHIFT, TURN, ZOOM, TONES = 0.08, 10.0, 0.1, 0.2  # shares of the sides, degrees, shares, shares of the range
ERASED, LEAST, MOST = 0.5, 0.02, 0.15  # share of the images that lose a patch, and of their pixels that it takes


@dataclass(frozen=True)
class Jitter:
    """Each image by what it was drawn, evenly from a range on both sides of nothing.

    `by` is what the ranges are multiplied by; with `flips` half of the images are mirrored, left to right. A patch is
    filled with a colour that is drawn, too: Zhong et al. 2020, https://arxiv.org/abs/1708.04896.
    """

    by: float
    flips: bool = False
    erases: bool = False

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, ...]:
        """For images (N, H, W, C): maps (N, 2, 3); brightness and contrast (N, 1, 1, 1); where there are patches,
        their corners (N, 4) in pixels and colours (N, 1, 1, C).
        """
        count, height, width, bands = shape
        angle, zoom = self._around(rng, count, np.deg2rad(TURN)), 1 + self._around(rng, count, ZOOM)
        shift = self._around(rng, (count, 2), SHIFT) * [width, height]
        mirror = np.where((rng.random((count, 2)) < 0.5) & np.array([self.flips, False]), -1.0, 1.0)
        cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
        linear = np.stack([np.stack([cos, sin], axis=1), np.stack([-sin, cos], axis=1)], axis=1) * mirror[:, None]
        maps = about_centre(linear, shift, height, width)
        tones = 255 * self._around(rng, count, TONES), 1 + self._around(rng, count, TONES)
        drawn = [maps, *(tone[:, None, None, None] for tone in tones)]
        if self.erases:
            drawn += [_patches(rng, count, height, width), rng.uniform(0, 255, (count, 1, 1, bands))]
        return tuple(v.astype("float32") for v in drawn)

    def change(self, images: Any, maps: Any, brightness: Any, contrast: Any, *patches: Any) -> Any:
        """Images (N, H, W, C) float 0 to 255."""
        mean = ops.mean(images, axis=(1, 2), keepdims=True)  # before it is moved: after that, XLA would move it twice
        images = ops.clip(mean + (bilinear(images, maps) - mean) * contrast + brightness, 0, 255)
        return _erased(images, *patches) if self.erases else images

    def _around(self, rng: np.random.Generator, shape: Any, most: float) -> Array:
        return rng.uniform(-most * self.by, most * self.by, shape)


def _patches(rng: np.random.Generator, count: int, height: int, width: int) -> Array:
    """(N, 4): left, top, right, bottom of a rectangle in each image, of no pixels where there is none."""
    area, shape = rng.uniform(LEAST, MOST, count) * height * width, np.exp(rng.uniform(-1, 1, count) * np.log(10 / 3))
    sides = np.minimum(np.stack([np.sqrt(area * shape), np.sqrt(area / shape)], axis=1), [width, height])
    sides *= (rng.random(count) < ERASED)[:, None]
    corner = rng.random((count, 2)) * ([width, height] - sides)
    return np.round(np.concatenate([corner, corner + sides], axis=1))


def _erased(images: Any, corners: Any, colours: Any) -> Any:
    height, width = images.shape[1:3]
    column, row = ops.arange(width, dtype="float32"), ops.arange(height, dtype="float32")[:, None]
    left, top, right, bottom = (corners[:, i, None, None] for i in range(4))
    inside = (column >= left) & (column < right) & (row >= top) & (row < bottom)
    return ops.where(inside[..., None], colours, images)
