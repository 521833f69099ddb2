"""Figures of matplotlib, made and saved the same way everywhere."""

import io
from pathlib import Path
from typing import Any

from lab.store import write_atomically


def subplots(rows: int, columns: int, width: float, height: float) -> tuple[Any, Any]:
    """A figure and its axes (rows, columns), each of `width` x `height` inches."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    size = (columns * width, rows * height)
    return plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)


def save(figure: Any, path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Writes the figure as a PNG with `metadata` in it, and closes it."""
    from matplotlib import pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata=metadata)
    plt.close(figure)
    write_atomically(path, buffer.getvalue())
    return path
