"""Best and worst predicted masks of a run, and a good and a bad example of each class, in img/gallery.

Drawn from what the run left in the cache; where the data may not be shown to others, into the cache too.
"""

from pathlib import Path
from typing import Any

import numpy as np

from lab.drawing import save, subplots
from lab.galleries.masks import Gallery, unlabelled
from lab.inputs.data import IGNORED
from lab.records.artifacts import to_draw

RIGHT, WRONG = (235, 235, 235), (200, 30, 30)
COLUMNS = ("", "truth", "prediction", "error")  # the first is named by its file


def draw_all(root: Path, records: list[dict[str, Any]]) -> list[Path]:
    """Draws those that are missing; returns their paths."""
    drawn = []
    for r, kept, folder in to_draw(root, records, "gallery", "gallery"):
        for kind, draw in (("best_and_worst", overall), ("classes", of_classes)):
            path = folder / f"{r['experiment']}-{r['name']}.{kind}.png"
            if not path.exists():
                draw(Gallery.read(kept), path)
                drawn.append(path)
    return drawn


def overall(g: Gallery, path: Path) -> None:
    """Rows: the best and the worst images. Columns: image, truth, prediction, where it is wrong."""
    rows = [("best", i) for i in g.best] + [("worst", i) for i in g.worst]
    height, width = g.truth.shape[1:]
    figure, axes = subplots(len(rows), len(COLUMNS), width=2.6, height=2.6 * height / width + 0.3)
    for row, (kind, i) in zip(axes, rows, strict=True):
        for axis, what, picture in zip(row, COLUMNS, _columns(g, i), strict=True):
            axis.imshow(picture)
            axis.set_axis_off()
            axis.set_title(what, fontsize=7)
        row[0].set_title(f"{kind}: {str(g.ids[i])[-40:]}", fontsize=7, loc="left", parse_math=False)
        row[2].set_title(f"prediction, mean IoU {np.nanmean(g.iou[i]):.3f}", fontsize=7)
    _legend(figure, g, ("error", WRONG))
    save(figure, path)


def of_classes(g: Gallery, path: Path) -> None:
    """Rows: classes. Columns: image, truth and prediction of the class's best and of its worst image."""
    shown = np.flatnonzero(g.good >= 0)
    height, width = g.truth.shape[1:]
    figure, axes = subplots(len(shown), 6, width=2.2, height=2.2 * height / width + 0.3)
    for row, c in zip(axes, shown, strict=True):
        for axis in row:
            axis.set_axis_off()
        for part, word, i in ((row[:3], "good", g.good[c]), (row[3:], "bad", g.bad[c])):
            if word == "good" and g.iou[i, c] == 0:
                said = f"good {g.classes[c]}: none, IoU 0 in every image"
                part[0].set_title(said, fontsize=7, loc="left", parse_math=False)
                continue
            for axis, picture in zip(part, _columns(g, i)[:3], strict=True):
                axis.imshow(picture)
            part[0].set_title(f"{word} {g.classes[c]}: {str(g.ids[i])[-30:]}", fontsize=7, loc="left", parse_math=False)
            part[1].set_title("truth", fontsize=7)
            part[2].set_title(f"prediction, IoU {g.iou[i, c]:.3f}", fontsize=7)
    _legend(figure, g)
    save(figure, path)


def coloured(mask: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """A mask (H, W) in the colours of its classes (H, W, 3)."""
    table = np.full((256, 3), unlabelled(palette), "uint8")
    table[: len(palette)] = palette
    return table[mask]


def colours(palette: np.ndarray, classes: int) -> np.ndarray:
    """The palette (K, 3), or matplotlib's for data that come without one."""
    import matplotlib

    if len(palette):
        return palette
    ready = matplotlib.colormaps["tab20"].colors  # type: ignore[attr-defined]
    return np.array([[round(255 * v) for v in ready[i % len(ready)]] for i in range(classes)], "uint8")


def _columns(g: Gallery, i: int) -> list[np.ndarray]:
    truth, predicted = g.truth[i], g.predicted[i]
    error = np.where((truth == predicted)[..., None], RIGHT, WRONG).astype("uint8")
    image, palette = g.images[i], colours(g.palette, len(g.classes))
    error[truth == IGNORED] = unlabelled(palette)
    rgb = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image[..., :3]
    return [rgb, coloured(truth, palette), coloured(predicted, palette), error]


def _legend(figure: Any, g: Gallery, *more: tuple[str, tuple[int, int, int]]) -> None:
    from matplotlib.patches import Patch

    palette = colours(g.palette, len(g.classes))
    named = [*zip(map(str, g.classes), palette, strict=True), ("ignored", unlabelled(palette)), *more]
    handles = [Patch(facecolor=tuple(v / 255 for v in colour), edgecolor="0.5", label=name) for name, colour in named]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(7, len(handles)), fontsize=7, frameon=False)
