"""Paints land as it is seen from straight above, lights it with one sun, and photographs it.

Land is three maps: colour, class and height. What is highest wins, as it does for an eye far above. Slopes are
lit and shadows are cast by the map of heights alone, so a shadow falls on whatever is there and changes no
class. Lengths are metres, x to the right and y down. Chance never depends on the number of pixels, noise finer
than a pixel aside: at another size the same land is sharper or coarser.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from lab.inputs.data import IGNORED
from lab.scenery.spectra import BRIGHT, HAZE, REFLECTANCE, SKY, STORED, SUN, TINT, reflected

Array = np.ndarray

FINE = 3  # canvas pixels along each side of a pixel; a pixel's class is the majority of its 9
BACKGROUND, BUILDING, ROAD, WATER, TREE, POOL, VEHICLE, GRASS = range(8)

# how much brightness varies over 15 m, over 3 m and from pixel to pixel, for each class
TEXTURE = np.array(
    [
        (0.06, 0.04, 0.05),
        (0.02, 0.03, 0.04),
        (0.04, 0.03, 0.04),
        (0.05, 0.02, 0.01),
        (0.06, 0.08, 0.10),
        (0.02, 0.04, 0.01),
        (0.00, 0.00, 0.03),
        (0.07, 0.06, 0.09),
    ],
    "float32",
)


def rgb(*values: float) -> Array:
    """Red, green and blue as (3, 1, 1) float32, which fits maps of the land."""
    return np.array(values, "float32").reshape(3, 1, 1)


@dataclass(frozen=True)
class Frame:
    """A place, and the direction of its own first axis u, in radians from x towards y."""

    x: float
    y: float
    angle: float = 0.0

    def moved(self, u: float, v: float = 0.0, turn: float = 0.0) -> "Frame":
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return Frame(self.x + u * cos - v * sin, self.y + u * sin + v * cos, self.angle + turn)

    def rectangle(self, left: float, right: float, near: float, far: float) -> Array:
        """Corners (4, 2) of what lies between two values of u and two of v."""
        corners = [self.moved(u, v) for u, v in ((left, near), (right, near), (right, far), (left, far))]
        return np.array([(c.x, c.y) for c in corners])


class Land:
    """The maps of one square scene: colour (B, S, S) 0 to 255, label (S, S), height (S, S) metres; S is FINE * px.

    It has 3 bands, red, green and blue, or 8; see `lab.scenery.spectra`.
    """

    def __init__(self, px: int, metres: float, rng: np.random.Generator, bands: int = 3):
        self.sky, self.sun, self.tint = SKY[:bands], SUN[:bands], TINT[:bands]
        self.px, self.metres, self.rng = px, metres, rng
        self.side = FINE * px
        self.scale = self.side / metres  # canvas pixels a metre
        centres = (np.arange(self.side, dtype="float32") + 0.5) / self.scale
        self.x, self.y = centres[None, :], centres[:, None]
        self.colour = np.zeros((bands, self.side, self.side), "float32")
        self.label = np.zeros((self.side, self.side), "uint8")
        self.height = np.zeros((self.side, self.side), "float32")
        self.lumps = self.noise(2.5, octaves=2)

    def noise(self, bump: float, octaves: int | None = 3, stretch: int = 1) -> Array:
        """Smooth noise (S, S) of about unit variance, its bumps `bump` metres wide, with finer ones on them.

        Without a number of octaves they go down to the pixels. `stretch` draws the bumps out along x.
        """
        rng = self.rng.spawn(1)[0]
        down = max(2, round(self.metres / bump))
        field = rng.standard_normal((down, max(2, down // stretch)), "float32")
        for octave in range(1, octaves or max(1, int(np.log2(self.side / down)) + 1)):
            field = _resized(field, 2 * field.shape[1], 2 * field.shape[0])
            field = field + 0.6**octave * rng.standard_normal(field.shape, "float32")
        return _resized(field, self.side, self.side) * np.float32(0.8)

    def spectrum(self, rgb: Array, material: str) -> Array:
        """What a material of a colour (3,) reflects in the bands of this land, (B, 1, 1) float32."""
        if len(self.colour) == 3:
            return np.asarray(rgb, "float32").reshape(3, 1, 1)
        return reflected(rgb, material)

    def around(self, x: float, y: float, radius: float) -> tuple[tuple[slice, slice], Array, Array]:
        """(window, its x, its y) of a square, measured from its centre; empty where it is off the land."""
        low_x, high_x, low_y, high_y = (
            min(max(0, int(v * self.scale)), self.side)
            for v in (x - radius, x + radius + 1, y - radius, y + radius + 1)
        )
        rows, columns = slice(low_y, high_y), slice(low_x, high_x)
        return (rows, columns), self.x[:, columns] - np.float32(x), self.y[rows] - np.float32(y)

    def paint(self, window: tuple, inside: Array, colour: Array, label: int, height: Array | float | None) -> None:
        """Covers what is inside and no higher; without a height it lies on whatever is there, as paint does.

        A colour is (3, 1, 1) or (B, 1, 1), or a map like the land's own.
        """
        if len(colour) < len(self.colour):
            colour = self.spectrum(colour, "paint")
        seen = inside if height is None else inside & (height >= self.height[window])
        there = (slice(None), *window)
        np.copyto(self.colour[there], colour if colour.shape[1] == 1 else colour[there], where=seen)
        self.label[window][seen] = label
        if height is not None:
            np.copyto(self.height[window], height, where=seen)

    def polygon(self, points: Array, colour: Array, label: int, height: float | None = 0.0) -> None:
        low = np.clip(np.floor(points.min(0) * self.scale).astype(int) - 1, 0, self.side)
        high = np.clip(np.ceil(points.max(0) * self.scale).astype(int) + 2, 0, self.side)
        if (high <= low).any():
            return
        mask = Image.new("L", (int(high[0] - low[0]), int(high[1] - low[1])))
        ImageDraw.Draw(mask).polygon([tuple(p) for p in (points * self.scale - low - 0.5).tolist()], fill=1)
        self.paint((slice(low[1], high[1]), slice(low[0], high[0])), np.asarray(mask) > 0, colour, label, height)

    def strip(self, points: Array, half: Array | float, colour: Array, label: int, height: float | None = 0.0) -> None:
        """A band along a line of points (P, 2), `half` metres to either side."""
        normal = normals(points) * np.reshape(half, (-1, 1))
        self.polygon(np.concatenate([points + normal, (points - normal)[::-1]]), colour, label, height)

    def block(
        self, at: Frame, length: float, width: float, colour: Array, label: int,
        eaves: float = 0.0, rise: float = 0.0, hipped: bool = False, rounded: bool = False,
    ) -> None:  # fmt: skip
        """A box around a frame, under a roof that rises from its eaves to a ridge along u; hipped, at its ends, too."""
        window, dx, dy = self.around(at.x, at.y, (length + width) / 2)
        cos, sin = math.cos(at.angle), math.sin(at.angle)
        u, v = abs(dx * cos + dy * sin), abs(dy * cos - dx * sin)
        inside = (2 * u / length) ** 4 + (2 * v / width) ** 4 <= 1 if rounded else (u <= length / 2) & (v <= width / 2)
        if not rise:
            return self.paint(window, inside, colour, label, eaves)
        edge = np.minimum(width / 2 - v, length / 2 - u) if hipped else width / 2 - v
        self.paint(window, inside, colour, label, eaves + rise * edge / (width / 2))

    def crown(self, x: float, y: float, radius: float, colour: Array, height: float, pointed: bool = False) -> None:
        """A tree: an irregular dome, or a cone."""
        window, dx, dy = self.around(x, y, 1.3 * radius)
        lumps = self.lumps[window]
        away = (dx**2 + dy**2) / (radius * (1 + 0.16 * lumps)) ** 2
        fall = np.sqrt(away) if pointed else 1 - np.sqrt(np.maximum(1 - away, 0))
        top = height * (1 - (0.75 if pointed else 0.6) * fall) + 0.22 * radius * lumps
        self.paint(window, away < 1, colour, TREE, np.maximum(top, 0.3))


def normals(points: Array) -> Array:
    """Unit vectors (P, 2) to the right of a line of points."""
    along = np.gradient(points, axis=0)
    return np.stack([-along[:, 1], along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)


def labels(land: Land) -> Array:
    """The mask (px, px) uint8: the class that has most of each pixel."""
    rows = np.arange(land.side) // FINE
    cells = (rows[:, None] * land.px + rows) * len(TEXTURE) + land.label
    counts = np.bincount(cells.ravel(), minlength=land.px**2 * len(TEXTURE))
    return counts.reshape(land.px, land.px, -1).argmax(-1).astype("uint8")


def photograph(land: Land, rng: np.random.Generator) -> Array:
    """The picture (px, px, 3) uint8: sun, shadows, clouds, haze, lens, sensor."""
    light = _light(land, rng.uniform(0, 2 * np.pi), math.radians(rng.uniform(28, 62)))
    if rng.random() < 0.15:  # the shadow of a cloud
        light *= 1 - 0.4 / (1 + np.exp(-6 * (land.noise(60) - 0.5)))
    lit = np.clip(_textured(land) * light, 0, 255).astype("uint8")
    sharp = Image.fromarray(np.ascontiguousarray(np.moveaxis(lit, 0, 2)))
    blur = ImageFilter.GaussianBlur(rng.uniform(0.2, 0.6))
    seen = np.asarray(sharp.resize((land.px, land.px), Image.Resampling.BOX).filter(blur), "float32")
    haze = rng.uniform(0, 0.25) ** 1.5 * 2
    seen = seen + (np.array([188, 200, 212]) - seen) * haze
    seen = (110 + (seen - 110) * rng.uniform(0.85, 1.15)) * rng.uniform(0.85, 1.15) * rng.uniform(0.96, 1.04, 3)
    noisy = seen + rng.uniform(1, 5) * rng.standard_normal(seen.shape)
    return np.clip(np.round(noisy), 0, 255).astype("uint8")


def measured(land: Land, rng: np.random.Generator) -> Array:
    """What a satellite stores of a land with 8 bands, (px, px, 8) uint16: reflectance, through haze and noise."""
    light = _light(land, rng.uniform(0, 2 * np.pi), math.radians(rng.uniform(28, 62)))
    if rng.random() < 0.15:
        light *= 1 - 0.4 / (1 + np.exp(-6 * (land.noise(60) - 0.5)))
    lit = _textured(land) * light
    pixels = lit.reshape(len(lit), land.px, FINE, land.px, FINE).mean(axis=(2, 4))
    seen = ndimage.gaussian_filter(pixels, (0, *2 * [rng.uniform(0.2, 0.6)])).transpose(1, 2, 0)
    haze = rng.uniform(0, 0.25) ** 1.5 * 2 * HAZE
    seen = (seen + (230 - seen) * haze) * rng.uniform(0.92, 1.08) * rng.uniform(0.98, 1.02, len(lit))
    seen = seen + rng.uniform(1, 4) * rng.standard_normal(seen.shape)
    stored = np.round(seen / 255 * BRIGHT / REFLECTANCE)
    return np.clip(stored, 1, 65535).astype("uint16")[..., list(STORED)]  # 0 is what stands for no datum


def cut(image: Array, mask: Array, rng: np.random.Generator) -> None:
    """Takes a corner away, as at the edge of an orthophoto: black, and no label."""
    side = len(mask)
    along, down = rng.uniform(0.15, 0.5, 2) * side
    steps = np.arange(side) + 0.5
    off = steps[None, :] / along + steps[:, None] / down < 1
    off = off[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    image[off], mask[off] = 0, IGNORED


def _resized(field: Array, width: int, height: int) -> Array:
    return np.asarray(Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC))


def _textured(land: Land) -> Array:
    broad, middle, fine = (amount[land.label] for amount in TEXTURE.T)
    return land.colour * (1 + broad * land.noise(15) + middle * land.lumps + fine * land.noise(0.8, octaves=None))


def _light(land: Land, azimuth: float, elevation: float) -> Array:
    """What multiplies the colours (B, S, S): skylight everywhere, sunlight by slope and where nothing is in its way."""
    towards = (math.cos(azimuth), math.sin(azimuth))
    down, right = (np.clip(g * land.scale, -1.5, 1.5) for g in np.gradient(land.height))
    facing = 1 - (right * towards[0] + down * towards[1]) / math.tan(elevation)
    facing = np.clip(facing / np.sqrt(1 + right**2 + down**2), 0, 1.5)
    open_sky = np.clip(1 - (_shade(land, towards, math.tan(elevation)) - land.height) / 0.4, 0, 1)
    return land.sky + land.sun * (facing * open_sky)


def _shade(land: Land, towards: tuple[float, float], climb: float) -> Array:
    """How high the shadow reaches above each place (S, S), metres: by doubling the distance looked at each time."""
    shade, steps, highest = land.height, 1, float(land.height.max())
    while (fall := steps * climb / land.scale) < highest:
        left, up = (-round(t * steps) for t in towards)
        shade = np.maximum(shade, _shifted(shade, left, up) - fall)
        steps *= 2
    return shade


def _shifted(field: Array, right: int, down: int) -> Array:
    moved, side = np.zeros_like(field), len(field)
    if max(abs(right), abs(down)) < side:
        to_y, to_x = slice(max(down, 0), side + min(down, 0)), slice(max(right, 0), side + min(right, 0))
        from_y, from_x = slice(max(-down, 0), side + min(-down, 0)), slice(max(-right, 0), side + min(-right, 0))
        moved[to_y, to_x] = field[from_y, from_x]
    return moved
