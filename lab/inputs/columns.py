"""The columns of a table: what training rows have in them, and rows as numbers. No Keras.

| in training | becomes | a value that is missing |
|---|---|---|
| numbers | one column | NaN; where training lacks some, a column `NAME missing` of 0 and 1 says which |
| words | a column `NAME=VALUE` of 0 and 1 for each value | a value as any other: `NAME=` |

A word that training does not have is 0 in all of its columns. Nothing is learnt from other rows than training's.
"""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.inputs.bands import COLUMN, Band

Array = np.ndarray
ENDINGS = (".csv", ".tsv", ".parquet")
SEPARATORS = ",;\t|"
MISSING = ("", "?", "-", "na", "n/a", "nan", "null", "none")  # in a column of numbers, in any case
LARGEST = 1e30  # beyond it, sums overflow in 32 bits: no number
MOST = 50  # words that a column may have; with more it names things, and sorts them into nothing
# id, user_id, PassengerId; and how pandas calls a column without a name, which holds row numbers
ID = re.compile(r"(.*[\W_])?(id|Id|ID)|.*[a-z](Id|ID)|Unnamed: \d+")


@dataclass(frozen=True)
class Column:
    """A column of a table, as training has it."""

    name: str
    categories: tuple[str, ...] | None = None  # the words in it, in order; None: it holds numbers
    lacks: bool = False  # whether some of the numbers are missing

    @property
    def bands(self) -> tuple[Band, ...]:
        """What it becomes."""
        if self.categories is not None:
            return tuple(Band(f"{self.name}={word}", COLUMN) for word in self.categories)
        numbers = Band(self.name, COLUMN, nodata=math.nan)
        return (numbers, Band(f"{self.name} missing", COLUMN)) if self.lacks else (numbers,)

    def encoded(self, words: Any, where: str) -> Array:
        """A pandas.Series (N,) of text to numbers (N, F) float32, in the order of the `bands`.

        Raises:
            BadInput: it holds numbers, and one of these is none.
        """
        if self.categories is not None:
            held = words.to_numpy(object)
            return np.stack([held == word for word in self.categories], axis=1).astype("float32")
        values, wrong = numbers(words)
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise BadInput(
                f"{where} line {words.index[first] + 2}: {self.name} is {words.iloc[first]!r}, and a number in the "
                "training rows; correct it, or leave it empty"
            )
        missing = [np.isnan(values)] if self.lacks else []
        return np.stack([values, *missing], axis=1).astype("float32")


@dataclass(frozen=True)
class Table:
    """What a table predicts, and the columns that it predicts it from."""

    target: str
    columns: tuple[Column, ...]

    @property
    def bands(self) -> tuple[Band, ...]:
        return tuple(band for column in self.columns for band in column.bands)

    def encoded(self, frame: Any, where: str) -> Array:
        """Rows, a pandas.DataFrame of text, as images of one pixel (N, 1, 1, F) float32; other columns are not read.

        Raises:
            BadInput: a column is not there, or holds words where training has numbers.
        """
        if lacking := [c.name for c in self.columns if c.name not in frame]:
            raise BadInput(
                f"{where} lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}; it has "
                f"{', '.join(frame.columns)}"
            )
        parts = [column.encoded(frame[column.name], where) for column in self.columns]
        return np.concatenate(parts, axis=1)[:, None, None, :]

    def record(self) -> dict[str, Any]:
        """As a run's record holds it: all that it takes to read other rows alike."""
        return {"target": self.target, "columns": [asdict(c) for c in self.columns]}

    @staticmethod
    def of_record(record: dict[str, Any]) -> "Table":
        """That of the record of a run on a table."""
        said = record["data"]["table"]
        columns = ({**c, "categories": c["categories"] and tuple(c["categories"])} for c in said["columns"])
        return Table(said["target"], tuple(Column(**c) for c in columns))


def learnt(
    target: str, training: Any, apart: Sequence[str], categories: Sequence[str], where: str
) -> tuple[Table, dict[str, str]]:
    """(the table that training rows, a pandas.DataFrame of text, make; the columns that are left out, each with why).

    Args:
        apart: columns that are no features.
        categories: columns whose numbers are words.

    Raises:
        BadInput: nothing is left, or two columns would be called alike.
    """
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    for name in training.columns:
        if name not in apart:
            found = _column(name, training[name], name in categories)
            if isinstance(found, Column):
                columns.append(found)
            else:
                left_out[name] = found
    table = Table(target, tuple(columns))
    names = [band.name for band in table.bands]
    if not names:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise BadInput(f"{where} has no column to predict {target} from{f' ({why})' if why else ''}")
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise BadInput(f"{where}: two columns would be called {twice!r}; rename one of those that it is made of")
    return table, left_out


def _column(name: str, words: Any, is_category: bool) -> Column | str:
    """What a column of training rows is, or why it is left out."""
    if ID.fullmatch(name) and not is_category:
        return "an id"
    values, wrong = numbers(words)
    if is_category or wrong.any():
        held = sorted(set(words))
        if len(held) > MOST:
            return f"{len(held):,} different words; at most {MOST} are taken as categories"
        return Column(name, tuple(held)) if len(held) > 1 else "one value in all training rows"
    missing = np.isnan(values)
    if missing.all():
        return "no value in any training row"
    if len(np.unique(values)) == 1:
        return "one value in all training rows"
    if len(np.unique(values - words.index)) == 1:
        return "a number of the row"
    return Column(name, lacks=bool(missing.any()))


def numbers(words: Any) -> tuple[Array, Array]:
    """(the numbers (N,) float64 that a pandas.Series of text holds, NaN where one is missing; which are none, (N,))."""
    import pandas as pd

    is_missing = words.str.lower().isin(MISSING).to_numpy(bool)
    values = pd.to_numeric(words, errors="coerce").to_numpy("float64", copy=True)
    wrong = np.isnan(values) & ~is_missing
    values[~(np.abs(values) <= LARGEST)] = np.nan
    return values, wrong


def read(file: Path) -> Any:
    """A table file's rows, a pandas.DataFrame of text without spaces around it; "" is what is missing.

    A CSV's separator is the one of comma, semicolon, tab and bar that its first line has most of.

    Raises:
        BadInput: it is no table, or has no row.
    """
    import pandas as pd

    if not file.is_file() or file.suffix.lower() not in ENDINGS:
        raise BadInput(f"no such table: {file.name or file}; read are {', '.join(ENDINGS)}")
    try:
        if file.suffix.lower() == ".parquet":
            frame = pd.read_parquet(file, dtype_backend="numpy_nullable").astype("string")
        else:
            with file.open(encoding="utf-8-sig") as opened, warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that are longer than the first
                first = opened.readline()
                opened.seek(0)
                separator = max(SEPARATORS, key=first.count)
                frame = pd.read_csv(opened, sep=separator, dtype=str, keep_default_na=False, index_col=False)
    except (OSError, ValueError, TypeError, pd.errors.ParserWarning) as error:  # pandas' own errors are ValueErrors
        raise BadInput(f"{file.name} cannot be read as a table: {(str(error).splitlines() or [''])[0][:100]}") from None
    if frame.empty:
        raise BadInput(f"{file.name} has no row below the names of its columns")
    frame.columns = frame.columns.astype(str).str.strip()
    if frame.columns.has_duplicates:
        raise BadInput(f"{file.name} has two columns {frame.columns[frame.columns.duplicated()][0]!r}; rename one")
    return frame.reset_index(drop=True).fillna("").apply(lambda words: words.str.strip())
