"""Pictures of the data sets' classes, from what runs left in the cache: img/examples_<data set>.png."""

from pathlib import Path

import numpy as np

from lab import store

COLUMNS = 9


def draw_all(root: Path) -> list[Path]:
    """Draws those that are missing; returns their paths."""
    drawn = []
    for cached in sorted(store.cache(root, "examples").glob("*.npz")):
        path = root / "img" / f"examples_{cached.stem}.png"
        if not path.exists():
            with np.load(cached, allow_pickle=False) as file:
                _draw(path, file["images"], [str(n) for n in file["names"]])
            drawn.append(path)
    return drawn


def _draw(path: Path, images: np.ndarray, names: list[str]) -> None:
    from lab.drawing import save, subplots

    figure, axes = subplots(-(-len(images) // COLUMNS), COLUMNS, width=1.25, height=1.5)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, name in zip(axes.flat, images, names, strict=False):
        grey = image.shape[-1] == 1
        axis.imshow(image[..., 0] if grey else image[..., :3], cmap="gray" if grey else None, vmin=0, vmax=255)
        axis.set_title("\n".join(_lines(name)), fontsize=7)
    save(figure, path)


def _lines(name: str, width: int = 20) -> list[str]:
    import textwrap

    return textwrap.wrap(name, width)[:2] or [""]
