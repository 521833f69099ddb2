"""A page of examples: of each class, or with their masks laid over them."""

from pathlib import Path
from typing import Any

import numpy as np

from lab.data.examined import Examined
from lab.inputs.data import IGNORED

EACH = 6  # examples of a class
CLASSES = 60  # on the page, at most
PAIRS = 12  # images with masks
TINT = 0.6  # share of a class's colour where a mask lies over its image


def run(found: Examined, folder: Path) -> tuple[int, list[Path]]:
    """Draws training examples; (0, the picture's path)."""
    from lab.drawing import save

    figure = _masks(found) if found.mask else _classes(found)
    if len(found.classes) > CLASSES:
        print(f"the first {CLASSES} of {len(found.classes)} classes are shown")
    return 0, [save(figure, folder / "examples.png")]


def _classes(found: Examined) -> Any:
    """Up to `EACH` images of each class, a row a class."""
    from lab.drawing import picture, subplots

    classes = found.classes[:CLASSES]
    figure, axes = subplots(len(classes), EACH, width=1.3, height=1.45)
    for axis in axes.flat:
        axis.axis("off")
    for row, name in zip(axes, classes, strict=True):
        members = np.flatnonzero(((found.table["label"] == name) & (found.table["split"] == "train")).to_numpy())
        count = int((found.table["label"] == name).sum())
        row[0].set_title(f"{name[:40]} ({count:,})", fontsize=8, loc="left", parse_math=False)
        for axis, i in zip(row, np.random.default_rng(0).permutation(members)[:EACH], strict=False):
            picture(axis, found.picture(int(i)))
    return figure


def _masks(found: Examined) -> Any:
    """Up to `PAIRS` images, each beside itself with its mask over it, and what the colours mean."""
    from matplotlib.patches import Patch

    from lab.drawing import picture, subplots

    assert found.mask
    chosen = telling(found.pixels, np.flatnonzero((found.table["split"] == "train").to_numpy()))
    height, width = found.picture(chosen[0]).shape[:2]
    figure, axes = subplots(-(-len(chosen) // 2), 4, width=2.6, height=2.6 * height / width + 0.25)
    for axis in axes.flat:
        axis.axis("off")
    for i, row in enumerate(chosen):
        image, (left, right) = found.picture(row), axes.reshape(-1, 2)[i]
        left.set_title(str(found.table["id"][row])[-50:], fontsize=7, loc="left", parse_math=False)
        picture(left, image)
        picture(right, overlaid(image, found.mask(row), np.array(found.palette, "uint8")))
    patches = [
        Patch(facecolor="#{:02x}{:02x}{:02x}".format(*colour), edgecolor="#888888", label=name[:40])
        for name, colour in zip(found.classes[:CLASSES], found.palette, strict=False)
    ]
    legend = figure.legend(handles=patches, loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def telling(pixels: np.ndarray, among: np.ndarray) -> list[int]:
    """Up to `PAIRS` of some rows of pixels (N, K): for each class, the rarest first, a random row that has it."""
    order = np.random.default_rng(0).permutation(among)
    has = pixels[order] > 0
    chosen: list[int] = []
    for label in [*np.argsort(has.sum(axis=0), kind="stable"), None]:
        rows = order if label is None else order[has[:, label]][:1]
        chosen += [int(row) for row in rows if row not in chosen]
    return chosen[:PAIRS]


def overlaid(image: np.ndarray, mask: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """An image (H, W, C) with its mask (H, W) in colours (K, 3) over it, (H, W, 3) uint8; ignored pixels stay grey."""
    grey = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    colours = palette[np.where(mask == IGNORED, 0, mask)]
    share = np.where(mask == IGNORED, 0, TINT)[..., None]
    return ((1 - share) * grey + share * colours).astype("uint8")
