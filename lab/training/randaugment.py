"""RandAugment: two operations for each image, drawn anew for each; Cubuk et al. 2020, https://arxiv.org/abs/1909.13719.

The operations and their strengths at magnitude 9 of 30, as torchvision has them. Only what is drawn is computed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from keras import ops

from lab.training.warping import about_centre, after, bilinear, mixed

Array = np.ndarray
ROUNDS, STRENGTH = 2, 9 / 30
ENHANCED = 0.9 * STRENGTH  # more or less than 1
LUMINANCE = np.array([0.299, 0.587, 0.114], "float32")
GEOMETRY = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
SMOOTHING = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], "float32") / 13  # Pillow's, for sharpness


def identity(image: Any, strength: Any) -> Any:
    return image


def brightness(image: Any, strength: Any) -> Any:
    return _clipped(image * strength)


def color(image: Any, strength: Any) -> Any:
    return _clipped(mixed(grey(image), image, strength))


def contrast(image: Any, strength: Any) -> Any:
    return _clipped(mixed(ops.mean(grey(image)), image, strength))


def sharpness(image: Any, strength: Any) -> Any:
    """Away from, or towards, the smoothed image; the outermost pixels stay."""
    height, width, _ = image.shape
    smooth = sum(SMOOTHING[i, j] * image[i : height - 2 + i, j : width - 2 + j] for i in range(3) for j in range(3))
    inside = _clipped(mixed(smooth, image[1:-1, 1:-1], strength))
    middle = ops.concatenate([image[1:-1, :1], inside, image[1:-1, -1:]], axis=1)
    return ops.concatenate([image[:1], middle, image[-1:]], axis=0)


def posterize(image: Any, strength: Any) -> Any:
    return ops.floor(image / strength) * strength


def solarize(image: Any, strength: Any) -> Any:
    return ops.where(image >= strength, 255 - image, image)


def autocontrast(image: Any, strength: Any) -> Any:
    low, high = ops.min(image, axis=(0, 1)), ops.max(image, axis=(0, 1))
    return ops.where(high > low, (image - low) * (255 / ops.maximum(high - low, 1e-3)), image)


def equalize(image: Any, strength: Any) -> Any:
    """As many pixels of each value as can be, in each band; as Pillow counts them."""
    height, width, bands = image.shape
    values = ops.cast(ops.round(image), "int32") + ops.arange(bands, dtype="int32") * 256
    values = ops.reshape(values, (-1,))
    counts = ops.reshape(ops.segment_sum(ops.ones_like(values), values, bands * 256), (bands, 256))
    last = ops.max(ops.where(counts > 0, ops.arange(256, dtype="int32"), 0), axis=1, keepdims=True)
    step = (height * width - ops.take_along_axis(counts, last, axis=1)) // 255
    table = (ops.cumsum(counts, axis=1) - counts + step // 2) // ops.maximum(step, 1)
    table = ops.where(step > 0, ops.clip(table, 0, 255), ops.arange(256, dtype="int32"))
    return ops.reshape(ops.cast(ops.take(ops.reshape(table, (-1,)), values), image.dtype), (height, width, bands))


def grey(image: Any) -> Any:
    """(H, W, 1): luminance of red, green and blue; of other bands, their mean."""
    if image.shape[-1] != 3:
        return ops.mean(image, axis=-1, keepdims=True)
    return ops.sum(image * LUMINANCE, axis=-1, keepdims=True)


TONES: dict[str, tuple[Callable[[Any, Any], Any], tuple[float, float]]] = {  # and their strengths, of either sign
    "identity": (identity, (0, 0)),
    "brightness": (brightness, (1 - ENHANCED, 1 + ENHANCED)),
    "color": (color, (1 - ENHANCED, 1 + ENHANCED)),
    "contrast": (contrast, (1 - ENHANCED, 1 + ENHANCED)),
    "sharpness": (sharpness, (1 - ENHANCED, 1 + ENHANCED)),
    "posterize": (posterize, (2.0 ** round(4 * STRENGTH),) * 2),
    "solarize": (solarize, (255 * (1 - STRENGTH),) * 2),
    "autocontrast": (autocontrast, (0, 0)),
    "equalize": (equalize, (0, 0)),
}


@dataclass(frozen=True)
class RandAugment:
    """Each image by two operations of its own; colour is one of them where there are three bands."""

    bands: int

    @property
    def tones(self) -> list[str]:
        """The operations that leave every pixel in its place."""
        return [name for name in TONES if name != "color" or self.bands == 3]

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, ...]:
        """For images (N, H, W, C): maps (N, 2, 3) of both rounds together; and for each round which operation (N, 2),
        0 being a map, its strength (N, 2), its map (N, 2, 2, 3).
        """
        count, height, width = shape[:3]
        drawn = rng.integers(0, len(GEOMETRY) + len(self.tones), (count, ROUNDS))
        sign = rng.integers(0, 2, (count, ROUNDS))
        strengths = np.array([[0, 0]] * len(GEOMETRY) + [TONES[name][1] for name in self.tones])
        still = np.tile(np.eye(2, 3), (len(self.tones), 2, 1, 1))
        maps = np.concatenate([_maps(height, width), still])[drawn, sign]
        kinds = np.maximum(drawn - len(GEOMETRY) + 1, 0)
        floats = after(maps[:, 0], maps[:, 1]), strengths[drawn, sign], maps
        together, strength, each = (v.astype("float32") for v in floats)
        return together, kinds.astype("int32"), strength, each

    def change(self, images: Any, maps: Any, kinds: Any, strengths: Any, each: Any) -> Any:
        """Images (N, H, W, C) float 0 to 255."""
        work = [_moved, *(partial(_toned, TONES[name][0]) for name in self.tones)]

        def one(given: Any) -> Any:
            image, kinds, strengths, maps = given

            def once(i: Any, image: Any) -> Any:
                return ops.switch(kinds[i], work, image, strengths[i], maps[i])

            return ops.fori_loop(0, ROUNDS, once, image)  # a loop: XLA compiles the operations once

        return ops.map(one, (images, kinds, strengths, each))


def _moved(image: Any, strength: Any, to: Any) -> Any:
    return bilinear(image[None], to[None])[0]


def _toned(tone: Callable[[Any, Any], Any], image: Any, strength: Any, to: Any) -> Any:
    return tone(image, strength)


def _maps(height: int, width: int) -> Array:
    """(5, 2, 2, 3): of each operation of `GEOMETRY` the maps of both signs."""
    shear, turn = 0.3 * STRENGTH, np.deg2rad(30 * STRENGTH)
    shift = 150 / 331 * STRENGTH * np.array([width, height])
    made = []
    for sign in (-1, 1):
        cos, sin = np.cos(turn), sign * np.sin(turn)
        shears = [[1, sign * shear], [0, 1]], [[1, 0], [sign * shear, 1]]
        linear = [*shears, np.eye(2), np.eye(2), [[cos, sin], [-sin, cos]]]
        shifts = [[0, 0], [0, 0], [sign * shift[0], 0], [0, sign * shift[1]], [0, 0]]
        made.append(about_centre(np.array(linear, float), np.array(shifts), height, width))
    return np.stack(made, axis=1)


def _clipped(image: Any) -> Any:
    return ops.clip(image, 0, 255)
