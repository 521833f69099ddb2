"""What a run with `--explain` kept: img/explained/<experiment>-<run>.png, or where data may not be shown, in the cache.

Above, the test images that it was surest of, and where Grad-CAM looked; below, its features in the plane.
"""

from pathlib import Path
from typing import Any

import numpy as np

from lab.drawing import look, save, subplots
from lab.galleries.labels import SHOWN
from lab.networks.explaining import Explained
from lab.records.artifacts import to_draw
from lab.report.surest import show

ROOM = (0.08, 0.03)  # of the plane, that a name takes: one that would be written over another is left out


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
    show(axes[:2], e, e.heat if e.heat.size else None)
    grid = axes[2, 0].get_gridspec()
    for axis in axes[2:].flat:
        axis.remove()
    _places(figure.add_subplot(grid[2:, :]), e)
    looked = f", and where Grad-CAM looked, {' x '.join(map(str, e.heat.shape[1:]))} places" if e.heat.size else ""
    c = record["choices"]
    figure.suptitle(
        f"{c['strategy']} of {c['backbone']}: the surest test images{looked}; below, t-SNE of the features of test "
        "examples", parse_math=False,
    )  # fmt: skip
    return figure


def _places(axis: Any, e: Explained) -> None:
    axis.grid(visible=False)
    axis.set(xticks=[], yticks=[], xlabel="t-SNE, no unit", aspect="auto")
    named: list[np.ndarray] = []
    for k in np.unique(e.of_places):
        style, of = look(int(k)), e.of_places == k
        axis.scatter(*e.places[of].T, s=7, color=style["color"], marker=style["marker"], alpha=0.6, lw=0)
        middle = np.median(e.places[of], axis=0)
        if all((np.abs(middle - other) > ROOM * np.ptp(e.places, axis=0)).any() for other in named):
            axis.annotate(str(e.classes[k]), middle, fontsize=6, ha="center", va="center", parse_math=False)
            named.append(middle)
