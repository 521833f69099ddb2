"""What is in the columns of a table: exploratory data analysis of the features and the classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab.inputs.columns import Column
from lab.inputs.data import Data

SHOWN = 3  # categories in a line, the most frequent
HEADS = ["column", "kind", "missing %", "mean", "deviation", "most frequent, %"]


def run(data: Data, folder: Path) -> tuple[int, list[Path]]:
    """Prints the tables; (0, what was written)."""
    from tabulate import tabulate

    from lab.files import write_atomically

    counts, columns = distribution(data), described(data)
    for table in (counts, columns):
        print(tabulate(table.to_numpy().tolist(), list(table.columns), "github", disable_numparse=True))
        print()
    print(f"of the training rows; {data.source}")
    paths = [folder / ("numbers.csv" if data.numbers else "classes.csv"), folder / "columns.csv"]
    for path, table in zip(paths, (counts, columns), strict=True):
        write_atomically(path, table.to_csv(index=False))
    return 0, paths


def distribution(data: Data) -> pd.DataFrame:
    """Rows of each class in each split; of numbers, what they are like there."""
    if data.numbers:
        of = {name: np.asarray(s.labels) for name, s in data.splits().items()}
        rows = [
            [number, name, len(y), *(f"{v:.4g}" for v in (y[:, i].min(), y[:, i].mean(), y[:, i].std(), y[:, i].max()))]
            for i, number in enumerate(data.numbers) for name, y in of.items()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["number", "split", "rows", "smallest", "mean", "deviation", "largest"])
    each = {name: np.bincount(s.labels, minlength=len(data.classes)) for name, s in data.splits().items()}
    return pd.DataFrame({"class": data.classes, **each})


def described(data: Data) -> pd.DataFrame:
    """A row for each column that is a feature: of the training rows only."""
    assert data.table is not None
    rows = np.asarray(data.train.images).reshape(len(data.train), -1)
    found, start = [], 0
    for column in data.table.columns:
        width = len(column.bands)
        found.append([column.name, *_described(column, rows[:, start : start + width].astype("float64"))])
        start += width
    return pd.DataFrame(found, columns=HEADS)


def _described(column: Column, rows: np.ndarray) -> list[Any]:
    """Kind, per cent missing, and mean and deviation or the most frequent categories, of its encoded rows (N, F)."""
    if column.categories is None:
        values = rows[:, 0]
        missing = 100 * np.isnan(values).mean()
        return ["numbers", f"{missing:.1f}", f"{np.nanmean(values):.4g}", f"{np.nanstd(values):.4g}", "-"]
    shares = dict(zip(column.categories, 100 * rows.mean(axis=0), strict=True))
    often = sorted(shares, key=lambda word: -shares[word])[:SHOWN]
    words = ", ".join(f"{word or '(missing)'} {shares[word]:.1f}" for word in often)
    return [f"{len(shares)} words", f"{shares.get('', 0.0):.1f}", "-", "-", words]
