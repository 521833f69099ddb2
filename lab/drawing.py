"""Figures of matplotlib, made and saved the same way everywhere."""

import io
from pathlib import Path
from typing import Any

from lab.store import write_atomically

LONG = 95  # characters of a label that is alone on its line


def subplots(rows: int, columns: int, width: float, height: float) -> tuple[Any, Any]:
    """A figure and its axes (rows, columns), each of `width` x `height` inches."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    size = (columns * width, rows * height)
    return plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)


def dots(axis: Any, labels: list[str], values: list[list[float]]) -> None:
    """A line for each label, from the top: a dot for each of its values, and a stroke for their mean."""
    for y, of in enumerate(reversed(values)):
        axis.plot(of, [y] * len(of), "o", color="#0072B2", alpha=0.5, ms=5)
        axis.plot([sum(of) / len(of)], [y], "|", color="#D55E00", ms=16, mew=2.5)
    axis.set_yticks(range(len(labels)), labels[::-1], fontsize=8, parse_math=False)
    axis.grid(alpha=0.25)


def legend_below(figure: Any, labels: list[str], handles: list[Any] | None = None) -> None:
    """A legend below all axes, in two columns where its longest label leaves room for two; the figure grows with it."""
    columns = 2 if max(map(len, labels)) < LONG else 1
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.15 * max(0, -(-len(labels) // columns) - 10))
    given = {"handles": handles} if handles else {}
    figure.legend(loc="outside lower center", ncols=columns, fontsize=7, frameon=False, **given)


def save(figure: Any, path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Writes the figure as a PNG with `metadata` in it, and closes it."""
    from matplotlib import pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata=metadata)
    plt.close(figure)
    write_atomically(path, buffer.getvalue())
    return path
