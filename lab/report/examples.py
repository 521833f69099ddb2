"""Pictures of the data sets' classes, from what runs left in the cache: img/examples_<data set>.png."""

from pathlib import Path
from typing import Any

import numpy as np

from lab.drawing import picture, save, subplots
from lab.records import store
from lab.report.gallery import coloured

COLUMNS = 9


def draw_all(root: Path) -> list[Path]:
    """Draws those that are missing; returns their paths."""
    drawn = []
    for cached in sorted(store.cache(root, "examples").glob("*.npz")):
        path = root / "img" / f"examples_{cached.stem}.png"
        if not path.exists():
            with np.load(cached, allow_pickle=False) as file:
                _draw(path, _pictures(file), [str(n) for n in file["names"]])
            drawn.append(path)
    return drawn


def _pictures(file: Any) -> np.ndarray:
    """The images, each with its mask below it where it has one."""
    if "masks" not in file:
        return file["images"]
    masks = np.stack([coloured(m, file["palette"]) for m in file["masks"]])
    return np.concatenate([file["images"][..., :3], masks], axis=1)


def _draw(path: Path, images: np.ndarray, names: list[str]) -> None:
    tall = images.shape[1] / images.shape[2]
    figure, axes = subplots(-(-len(images) // COLUMNS), COLUMNS, width=1.25, height=1.25 * tall + 0.25)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, name in zip(axes.flat, images, names, strict=False):
        picture(axis, image)
        axis.set_title("\n".join(_lines(name)), fontsize=7)
    save(figure, path)


def _lines(name: str, width: int = 20) -> list[str]:
    import textwrap

    return textwrap.wrap(name, width)[:2] or [""]
