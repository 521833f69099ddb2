"""Score against cost: a circle a model, as large as its file; img/bubbles/<experiment>-<data>.png."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from lab.drawing import legend_below, look, subplots
from lab.records.store import data_of
from lab.report.table import figures_of, grouped
from lab.runs.spec import plain

Record = dict[str, Any]
AGAINST = {  # column of the table: label of the axis
    "time s": "training, s",
    "CPU ms an image": "inference on the CPU, ms an image",
    "GPU ms an image": "inference on the GPU, ms an image",
    "parameters, M": "parameters, millions",
    "GFLOPs": "GFLOPs an image",
}
FEWEST = 3  # models that make a picture
SMALLEST, LARGEST = 40.0, 1200.0  # area of a circle, in points squared


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) for every experiment that compares segmentations."""
    for name, data, rows in compared(records):
        costs = [c for c in AGAINST if any(row[c] for row in rows)]
        columns = [*costs, "test mIoU", "MB"]
        numbers = [[label_of(row), *(mean(row[c]) for c in columns)] for row in rows]
        yield f"bubbles/{name}-{plain(data)}.png", numbers, partial(_draw, numbers, costs, data)


def compared(records: list[Record]) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """(experiment, data, a row a model) of the finished segmentations that stand beside others."""
    done = [r for r in records if r["status"] == "done" and r["choices"]["task"] == "segmentation"]
    for name, data in sorted({(r["experiment"], data_of(r["choices"])) for r in done}):
        some = [r for r in done if (r["experiment"], data_of(r["choices"])) == (name, data)]
        rows = grouped(some, figures_of("segmentation"))
        if len(rows) >= FEWEST:
            yield name, data, rows


def label_of(row: dict[str, Any]) -> str:
    return f"{row['model']}, {row['strategy']}"


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _draw(numbers: list[list], costs: list[str], data: str) -> Any:
    from matplotlib.lines import Line2D

    figure, axes = subplots(2, -(-len(costs) // 2), width=5.5, height=4.25, sharey=True)
    for spare in axes.flat[len(costs) :]:
        spare.set_visible(False)
    largest = max(row[-1] or 0.0 for row in numbers) or 1.0
    for k, (axis, cost) in enumerate(zip(axes.flat, costs, strict=False)):
        for i, row in enumerate(numbers):
            if row[1 + k] is not None:
                area = max(SMALLEST, LARGEST * (row[-1] or 0.0) / largest)
                axis.scatter(row[1 + k], row[-2], s=area, color=look(i)["color"], alpha=0.65, edgecolor="0.3")
                axis.annotate(str(i + 1), (row[1 + k], row[-2]), ha="center", va="center", fontsize=8)
        axis.margins(y=0.15)
        axis.set(xlabel=AGAINST[cost], xlim=(0, 1.15 * max(row[1 + k] or 0.0 for row in numbers)))
    for axis in axes[:, 0]:
        axis.set_ylabel("test mIoU")
    handles = [
        Line2D([], [], marker="o", ls="", color=look(i)["color"], label=f"{i + 1}: {row[0]} ({row[-1]:.1f} MB)")
        for i, row in enumerate(numbers)
    ]
    legend_below(figure, [str(handle.get_label()) for handle in handles], handles)
    figure.suptitle(f"{data}: score against cost; the area of a circle is the size of the model's file")
    return figure
