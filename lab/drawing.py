"""Figures of matplotlib, made and saved the same way everywhere."""

import io
from pathlib import Path
from typing import Any

from lab.files import write_atomically

DPI = 100
PACKED = 3  # of 9: half of the time that 6 takes, and 3 % more bytes
LONG = 95  # characters of a label that is alone on its line


# Told apart by everyone, print included: Okabe and Ito 2008, https://jfly.uni-koeln.de/color/
BLUE, RED, GREEN, PINK, ORANGE, SKY, YELLOW = PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442",
)  # fmt: skip
LINES, MARKERS = ("-", "--", ":", "-."), "osD^vPX*"
STYLE: Any = {  # of matplotlib's own settings
    "axes.grid": True, "grid.alpha": 0.25, "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
    "axes.labelsize": 9, "axes.titlesize": 10, "figure.titlesize": 11, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "legend.frameon": False, "lines.linewidth": 1.4, "lines.markersize": 5,
    "svg.fonttype": "none",
}  # fmt: skip
MOMENTUM = 0.6  # of a moving average, as TensorBoard's slider
MANY = 15  # points of a line that is smoothed
BESIDE = ((6, 4), (-6, 4), (6, -4), (-6, -4), (0, 6), (0, -6), (6, 12), (-6, 12), (6, -12), (-6, -12))  # in points
LOOK = 1  # raise it when the same numbers are drawn differently: pictures of before are then stale


def look(i: int) -> dict[str, str]:
    """Colour, line and marker of the i-th of several, no two alike among 28."""
    n = len(PALETTE)
    return {"color": PALETTE[i % n], "linestyle": LINES[i // n % len(LINES)], "marker": MARKERS[i % len(MARKERS)]}


def subplots(rows: int, columns: int, width: float, height: float, **options: Any) -> tuple[Any, Any]:
    """A figure and its axes (rows, columns), each of `width` x `height` inches."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)
    figure = Figure(figsize=(columns * width, rows * height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def picture(axis: Any, image: Any) -> None:
    """An image (H, W, C), grey where it has one band; of more than three, the first three."""
    grey = image.shape[-1] == 1
    axis.imshow(image[..., 0] if grey else image[..., :3], cmap="gray" if grey else None, vmin=0, vmax=255)


def short(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def dots(axis: Any, labels: list[str], values: list[list[float]]) -> None:
    """A line for each label, from the top: a dot for each of its values, and a stroke for their mean."""
    for y, of in enumerate(reversed(values)):
        axis.plot(of, [y] * len(of), "o", color=BLUE, alpha=0.5, ms=5)
        axis.plot([sum(of) / len(of)], [y], "|", color=RED, ms=16, mew=2.5)
    axis.set_yticks(range(len(labels)), labels[::-1], fontsize=8, parse_math=False)


def named(axis: Any, labels: list[str], points: list[tuple[float, float]]) -> None:
    """A label beside each point (x, y): where it covers no point and no other label, if there is such a place."""
    from matplotlib.transforms import Bbox

    def put(label: str, at: tuple[float, float], place: tuple[int, int]) -> Any:
        x, y = place
        return axis.annotate(
            label, at, xytext=place, textcoords="offset points", fontsize=7, parse_math=False,
            ha="center" if not x else "left" if x > 0 else "right", va="bottom" if y > 0 else "top",
        )  # fmt: skip

    axis.figure.draw_without_rendering()  # only then it is known where the points are
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in axis.transData.transform(points)]
    for label, at in zip(labels, points, strict=True):
        for place in BESIDE:
            text = put(label, at, place)
            box = text.get_window_extent()
            inside = axis.bbox.x0 < box.x0 and box.x1 < axis.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
            text.remove()
        else:
            text = put(label, at, BESIDE[0])
        taken.append(text.get_window_extent())


def smoothed(values: list[float], momentum: float = MOMENTUM) -> list[float]:
    """Exponential moving average without the pull towards zero at the start (Kingma and Ba 2015, section 3)."""
    average, made = 0.0, []
    for i, value in enumerate(values):
        average = momentum * average + (1 - momentum) * value
        made.append(average / (1 - momentum ** (i + 1)))
    return made


def line(axis: Any, x: list[float], y: list[float], **style: Any) -> None:
    """A line through its points; of many, their moving average over the faint line of what was measured."""
    if len(y) <= MANY:
        axis.plot(x, y, **style)
        return
    plain = {k: v for k, v in style.items() if k not in ("marker", "label")}
    axis.plot(x, y, **plain | {"alpha": 0.3, "lw": 0.8})
    axis.plot(x, smoothed(y), **plain, **({"label": style["label"]} if "label" in style else {}))


def legend_below(figure: Any, labels: list[str], handles: list[Any] | None = None) -> None:
    """A legend below all axes, in two columns where its longest label leaves room for two; the figure grows with it."""
    columns = 2 if max(map(len, labels)) < LONG else 1
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.15 * max(0, -(-len(labels) // columns) - 10))
    given = {"handles": handles} if handles else {}
    figure.legend(loc="outside lower center", ncols=columns, fontsize=7, frameon=False, **given)


def save(figure: Any, path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Writes the figure, with `metadata` in it, as what the path ends with, .png or .svg."""
    buffer = io.BytesIO()
    if layout := figure.get_layout_engine():  # once, and not by a whole drawing that is thrown away
        layout.execute(figure)
        figure.set_layout_engine("none")
    if path.suffix == ".svg":
        figure.savefig(buffer, format="svg", dpi=DPI, metadata={"Date": None})
    else:
        _png(figure, buffer, metadata or {})
    write_atomically(path, buffer.getvalue())
    return path


def _png(figure: Any, to: io.BytesIO, metadata: dict[str, str]) -> None:
    """As `savefig` has it, which draws the figure twice and packs an opacity that is everywhere the same."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    for name, text in metadata.items():
        about.add_text(name, text)
    canvas = figure.canvas
    canvas.draw()
    pixels = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    pixels.convert("RGB").save(to, "PNG", pnginfo=about, dpi=(DPI, DPI), compress_level=PACKED)
