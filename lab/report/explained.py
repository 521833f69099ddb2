"""What a run with `--explain` kept: img/explained/<experiment>-<run>.png, or where data may not be shown, in the cache.

Above, the test images that it was surest of, and where Grad-CAM looked; below, its features in the plane.
"""

from pathlib import Path
from typing import Any

import numpy as np

from lab.drawing import look, picture, save, short, subplots
from lab.explaining import SHOWN, Explained
from lab.kept import to_draw

LONGEST = 26  # characters of a line above an image


def draw_all(root: Path, records: list[dict[str, Any]]) -> list[Path]:
    """Draws those that are missing; returns their paths."""
    drawn = []
    for r, kept, folder in to_draw(root, records, "explained", "explained"):
        if not (path := folder / f"{r['experiment']}-{r['name']}.png").exists():
            drawn.append(save(draw(Explained.read(kept), r), path))
    return drawn


def draw(e: Explained, record: dict[str, Any]) -> Any:
    """Two rows of images, with their heat where there is any, and the map of features."""
    figure, axes = subplots(4, SHOWN, width=1.5, height=1.9)
    right = e.truth == e.predicted
    for row, of, word in ((0, right, "right"), (1, ~right, "wrong")):
        for axis in axes[row]:
            axis.set_axis_off()
        for axis, i in zip(axes[row], np.flatnonzero(of), strict=False):
            _image(axis, e, int(i))
        axes[row, 0].text(-0.12, 0.5, word, transform=axes[row, 0].transAxes, rotation=90, va="center", ha="right")
    grid = axes[2, 0].get_gridspec()
    for axis in axes[2:].flat:
        axis.remove()
    _places(figure.add_subplot(grid[2:, :]), e)
    looked = "the surest test images, and where Grad-CAM looked" if e.heat.size else "the surest test images"
    c = record["choices"]
    figure.suptitle(f"{c['strategy']} of {c['backbone']}: {looked}; below, t-SNE of the features of test examples")
    return figure


def _image(axis: Any, e: Explained, i: int) -> None:
    picture(axis, e.images[i])
    if e.heat.size:
        height, width = e.images.shape[1:3]
        whole = (-0.5, width - 0.5, height - 0.5, -0.5)
        axis.imshow(e.heat[i], cmap="inferno", alpha=0.45, extent=whole, interpolation="bilinear", vmin=0, vmax=1)
    said = f"{e.classes[e.predicted[i]]}, {e.confidence[i]:.0%}"
    truth = "" if e.truth[i] == e.predicted[i] else f"\nis {e.classes[e.truth[i]]}"
    axis.set_title(short(said, LONGEST) + short(truth, LONGEST), fontsize=6, parse_math=False)


def _places(axis: Any, e: Explained) -> None:
    axis.grid(visible=False)
    axis.set(xticks=[], yticks=[], xlabel="t-SNE, no unit", aspect="auto")
    for k in np.unique(e.of_places):
        style, of = look(int(k)), e.of_places == k
        axis.scatter(*e.places[of].T, s=7, color=style["color"], marker=style["marker"], alpha=0.6, lw=0)
        middle = np.median(e.places[of], axis=0)
        axis.annotate(str(e.classes[k]), middle, fontsize=6, ha="center", va="center", parse_math=False)
