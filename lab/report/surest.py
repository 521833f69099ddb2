"""The best and the worst test images of each experiment's best classification: in img/gallery, or in the cache where
the data may not be shown.
"""

from pathlib import Path
from typing import Any

import numpy as np

from lab.drawing import picture, save, short, subplots
from lab.galleries.labels import SHOWN, Surest
from lab.records.artifacts import to_draw
from lab.report.mistakes import best

LONGEST = 22  # characters of a class above an image


def draw_all(root: Path, records: list[dict[str, Any]]) -> list[Path]:
    """Draws those that are missing; returns their paths."""
    drawn = []
    for r, kept, folder in to_draw(root, [runs[0] for runs in best(records)], "surest", "gallery"):
        path = folder / f"{r['experiment']}-{r['name']}.best_and_worst.png"
        if not path.exists():
            drawn.append(save(draw(Surest.read(kept), r), path))
    return drawn


def draw(s: Surest, record: dict[str, Any]) -> Any:
    """Two rows of images: the surest of each predicted class that are right, and that are wrong."""
    figure, axes = subplots(2, SHOWN, width=1.5, height=2.0)
    show(axes, s)
    c = record["choices"]
    title = f"{c['strategy']} of {c['backbone']}: the test images that it is surest of, one of each class"
    figure.suptitle(title, parse_math=False)
    return figure


def show(axes: Any, s: Surest, heat: np.ndarray | None = None) -> None:
    """Into two rows of axes, with heat (M, H, W) over the images."""
    right = s.truth == s.predicted
    for row, of, word in ((axes[0], right, "right"), (axes[1], ~right, "wrong")):
        for axis in row:
            axis.set_axis_off()
        for axis, i in zip(row, np.flatnonzero(of), strict=False):
            picture(axis, s.images[i])
            axis.set_title(_said(s, i), fontsize=6, parse_math=False)
            if heat is not None:
                height, width = s.images.shape[1:3]
                hot = {"cmap": "inferno", "vmin": 0, "vmax": 1, "alpha": 0.7 * heat[i]}  # where it is cold, the image
                axis.imshow(heat[i], extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="bilinear", **hot)
        row[0].text(-0.12, 0.5, word, transform=row[0].transAxes, rotation=90, va="center", ha="right")


def _said(s: Surest, i: Any) -> str:
    said = f"{short(str(s.classes[s.predicted[i]]), LONGEST)}, {s.confidence[i]:.0%}"
    return said if s.truth[i] == s.predicted[i] else f"{said}\nis {short(str(s.classes[s.truth[i]]), LONGEST)}"
