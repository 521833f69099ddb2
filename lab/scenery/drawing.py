"""Draws plates with glyphs, and photographs them: perspective, background, light, blur, occlusion, noise.

A glyph is text in a small language, coordinates in per cent of its box, y downwards:
`L x y x y ...` a line, `P x y ...` a filled polygon, `O x y r` a ring, `D x y r` a disk; a leading
`!` draws in the plate's second ink. Everything is a function of the seeds given.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CANVAS = 128  # pixels of a plate before it is photographed
PEN = 0.13  # width of a line, as a share of the glyph's box

STROKES = {
    "0": "L 50 5 80 25 80 75 50 95 20 75 20 25 50 5",
    "1": "L 28 25 55 5 55 95",
    "2": "L 20 25 45 5 75 15 78 38 20 95 82 95",
    "3": "L 20 8 76 8 46 42 78 66 60 94 20 88",
    "5": "L 78 5 28 5 22 45 60 40 80 66 60 95 20 88",
    "6": "L 70 5 32 38 20 70 40 95 74 86 78 60 50 48 24 62",
    "7": "L 18 5 82 5 42 95",
    "8": "L 50 5 74 16 74 36 50 47 26 36 26 16 50 5;L 50 47 78 62 78 84 50 95 22 84 22 62 50 47",
    "A": "L 15 95 50 5 85 95;L 30 62 70 62",
    "B": "L 25 95 25 5 65 10 70 30 60 46 25 48;L 60 46 80 66 68 92 25 95",
    "C": "L 80 20 50 5 22 30 22 70 50 95 80 80",
    "D": "L 25 5 25 95 60 90 80 65 80 35 60 10 25 5",
    "E": "L 78 5 25 5 25 95 78 95;L 25 50 68 50",
    "F": "L 78 5 25 5 25 95;L 25 50 68 50",
    "G": "L 80 20 50 5 22 30 22 70 50 95 80 80 80 55 55 55",
    "H": "L 22 5 22 95;L 78 5 78 95;L 22 50 78 50",
    "J": "L 70 5 70 75 50 95 25 82",
    "K": "L 25 5 25 95;L 78 5 28 52 80 95",
    "L": "L 25 5 25 95 78 95",
    "M": "L 15 95 18 5 50 60 82 5 85 95",
    "N": "L 22 95 22 5 78 95 78 5",
    "O": "L 50 5 80 25 80 75 50 95 20 75 20 25 50 5",
    "P": "L 25 95 25 5 70 10 76 32 65 52 25 55",
    "Q": "L 50 5 80 25 80 75 50 95 20 75 20 25 50 5;L 55 65 88 98",
    "R": "L 25 95 25 5 70 10 76 30 65 50 25 52;L 50 52 80 95",
    "S": "L 78 16 50 5 24 22 36 45 66 54 78 76 50 95 20 84",
    "T": "L 15 5 85 5;L 50 5 50 95",
    "U": "L 22 5 22 75 50 95 78 75 78 5",
    "V": "L 15 5 50 95 85 5",
    "W": "L 12 5 30 95 50 40 70 95 88 5",
    "X": "L 18 5 82 95;L 82 5 18 95",
    "Y": "L 15 5 50 48 85 5;L 50 48 50 95",
    "Z": "L 18 5 82 5 18 95 82 95",
}

# outline (unit square), the share of the plate that the glyph's box takes, and where it sits
OUTLINES: dict[str, tuple[list[tuple[float, float]] | None, float, float]] = {
    "disk": (None, 0.56, 0.5),
    "triangle": ([(0.5, 0.03), (0.98, 0.92), (0.02, 0.92)], 0.42, 0.64),
    "inverted": ([(0.02, 0.08), (0.98, 0.08), (0.5, 0.97)], 0.42, 0.36),
    "diamond": ([(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)], 0.4, 0.5),
    "octagon": (
        [(0.29, 0.0), (0.71, 0.0), (1.0, 0.29), (1.0, 0.71), (0.71, 1.0), (0.29, 1.0), (0.0, 0.71), (0.0, 0.29)],
        0.66,
        0.5,
    ),
    "square": ([(0.04, 0.04), (0.96, 0.04), (0.96, 0.96), (0.04, 0.96)], 0.6, 0.5),
    "hexagon": ([(0.25, 0.05), (0.75, 0.05), (1.0, 0.5), (0.75, 0.95), (0.25, 0.95), (0.0, 0.5)], 0.56, 0.5),
    "pentagon": ([(0.5, 0.0), (1.0, 0.4), (0.84, 1.0), (0.16, 1.0), (0.0, 0.4)], 0.52, 0.58),
}


@dataclass(frozen=True)
class Plate:
    """Outline, colours (fill, border, ink, second ink) and border width, as a share of the plate."""

    outline: str
    fill: tuple[int, int, int]
    border: tuple[int, int, int]
    ink: tuple[int, int, int]
    second: tuple[int, int, int] = (190, 20, 30)
    edge: float = 0.1
    slash: bool = False  # the diagonal bars of an end-of-limit sign


def text(word: str) -> str:
    """A glyph that writes a word of the letters and digits in `STROKES`, side by side."""
    moved = []
    for i, character in enumerate(word):
        for stroke in STROKES[character].split(";"):
            values = [float(n) for n in stroke.split()[1:]]
            placed = [f"{(i * 100 + v) / len(word) if k % 2 == 0 else v:.1f}" for k, v in enumerate(values)]
            moved.append("L " + " ".join(placed))
    return ";".join(moved)


@cache
def draw(plate: Plate, glyph: str) -> Image.Image:
    """The clean plate, RGBA, CANVAS x CANVAS."""
    image = Image.new("RGBA", (CANVAS, CANVAS), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    outline, box, middle = OUTLINES[plate.outline]
    for colour, inset in ((plate.border, 0.0), (plate.fill, plate.edge)):
        if outline is None:
            pen.ellipse(
                [inset * CANVAS, inset * CANVAS, (1 - inset) * CANVAS - 1, (1 - inset) * CANVAS - 1], fill=colour
            )
        else:
            centre = np.mean(outline, axis=0)
            shrink = 1 - inset * (3.0 if len(outline) == 3 else 2.0)
            pen.polygon(
                [tuple((centre + (np.array(p) - centre) * shrink) * (CANVAS - 1)) for p in outline], fill=colour
            )
    _glyph(pen, glyph, plate, (0.5 - box / 2, middle - box / 2, box))
    if plate.slash:
        for shift in (-0.05, 0.05):
            a, b = (0.2 + shift, 0.8 + shift), (0.8 + shift, 0.2 + shift)
            pen.line([a[0] * CANVAS, a[1] * CANVAS, b[0] * CANVAS, b[1] * CANVAS], fill=plate.border, width=4)
    return image


def _glyph(pen: ImageDraw.ImageDraw, glyph: str, plate: Plate, box: tuple[float, float, float]) -> None:
    left, top, side = (v * CANVAS for v in box)
    width = max(2, round(PEN * side))
    for stroke in filter(None, glyph.split(";")):
        ink = plate.second if stroke.startswith("!") else plate.ink
        kind, *numbers = stroke.lstrip("!").split()
        values = [float(n) / 100 * side for n in numbers]
        points = [(left + x, top + y) for x, y in zip(values[0::2], values[1::2], strict=False)]
        if kind == "L":
            pen.line(points, fill=ink, width=width, joint="curve")
        elif kind == "P":
            pen.polygon(points, fill=ink)
        else:
            (x, y), r = points[0], values[2]
            area = [x - r, y - r, x + r, y + r]
            pen.ellipse(area, fill=ink) if kind == "D" else pen.ellipse(area, outline=ink, width=width)


def photograph(plate: Image.Image, rng: np.random.Generator, size: int) -> np.ndarray:
    """One picture (size, size, 3) uint8 of a plate under random conditions."""
    big = 2 * size
    scene = _background(rng, big)
    warped = plate.transform((big, big), Image.Transform.PERSPECTIVE, _perspective(rng, big), Image.Resampling.BILINEAR)
    scene.paste(warped, (0, 0), warped)
    if rng.random() < 0.35:
        _occlude(scene, rng, big)
    scene = scene.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 2.2)))
    pixels = np.asarray(scene.resize((size, size), Image.Resampling.BOX), "float32")
    return _light(pixels, rng)


def _background(rng: np.random.Generator, side: int) -> Image.Image:
    coarse = int(rng.integers(2, 7))
    base = rng.uniform(40, 210) + rng.normal(0, 25, 3)
    cells = base + rng.normal(0, 35, (coarse, coarse, 1)) + rng.normal(0, 14, (coarse, coarse, 3))
    cells = np.clip(cells, 0, 255).astype("uint8")
    scene = Image.fromarray(cells).resize((side, side), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(0, 4))):  # poles, walls, other things that have edges
        x, y, w, h = rng.integers(0, side, 4)
        pen.rectangle([int(x), int(y), int(x + w // 2), int(y + h // 2)], fill=_colour(rng))
    return scene


def _perspective(rng: np.random.Generator, side: int) -> list[float]:
    """Coefficients that map the picture's corners back to the plate's."""
    scale = rng.uniform(0.55, 0.92)
    turn = np.deg2rad(rng.uniform(-12, 12))
    centre = side / 2 + rng.uniform(-0.07, 0.07, 2) * side
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * scale * side / 2
    rotation = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    corners = square @ rotation.T + centre + rng.uniform(-0.07, 0.07, (4, 2)) * side
    plate = np.array([(0, 0), (CANVAS, 0), (CANVAS, CANVAS), (0, CANVAS)], dtype=float)
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, plate, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.linalg.solve(np.array(rows), np.array(values)).tolist()


def _occlude(scene: Image.Image, rng: np.random.Generator, side: int) -> None:
    w, h = rng.uniform(0.12, 0.45, 2) * side
    x, y = rng.uniform(0, side, 2)
    shape = [(x, y), (x + w, y + rng.uniform(-6, 6)), (x + w, y + h), (x + rng.uniform(-6, 6), y + h)]
    ImageDraw.Draw(scene).polygon([(float(a), float(b)) for a, b in shape], fill=_colour(rng))


def _light(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = len(pixels)
    exposure, contrast = rng.uniform(0.35, 1.25), rng.uniform(0.6, 1.1)
    tint = rng.uniform(0.88, 1.12, 3)
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    shade = 1 + rng.uniform(-0.25, 0.25) * across + rng.uniform(-0.25, 0.25) * down
    lit = (128 + (pixels - 128) * contrast) * exposure * tint * shade[..., None]
    noisy = lit + rng.normal(0, rng.uniform(1, 9), pixels.shape)
    return np.clip(np.round(noisy), 0, 255).astype("uint8")


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    r, g, b = rng.integers(10, 240, 3)
    return int(r), int(g), int(b)
