"""A page of examples of each class."""

from pathlib import Path

import numpy as np

from lab.data.examined import Examined

EACH = 6  # examples of a class
CLASSES = 60  # on the page, at most


def run(found: Examined, folder: Path) -> tuple[int, list[Path]]:
    """Draws up to `EACH` training images of each class, a row a class; (0, the picture's path)."""
    from lab.drawing import save, subplots

    classes = found.classes[:CLASSES]
    figure, axes = subplots(len(classes), EACH, width=1.3, height=1.45)
    for axis in axes.flat:
        axis.axis("off")
    for row, name in zip(axes, classes, strict=True):
        members = np.flatnonzero(((found.table["label"] == name) & (found.table["split"] == "train")).to_numpy())
        count = int((found.table["label"] == name).sum())
        row[0].set_title(f"{name[:40]} ({count:,})", fontsize=8, loc="left", parse_math=False)
        for axis, i in zip(row, np.random.default_rng(0).permutation(members)[:EACH], strict=False):
            image = found.picture(int(i))
            axis.imshow(image.squeeze(), cmap="gray" if image.shape[-1] == 1 else None, vmin=0, vmax=255)
    if len(found.classes) > CLASSES:
        print(f"the first {CLASSES} of {len(found.classes)} classes are shown")
    return 0, [save(figure, folder / "examples.png")]
