import csv
from dataclasses import dataclass, replace
from pathlib import Path

from lab.datasets import TABLES
from lab.datasets._own import BETWEEN, Example, Own, for_words
from lab.errors import BadInput
from lab.inputs.bands import FILE
from lab.inputs.data import printable
from lab.inputs.decoding import ENDINGS, first_line
from lab.inputs.folders import Files
from lab.inputs.splitting import split_called
from lab.task import kind

PATHS = ("path", "file", "filename", "file_name", "filepath", "image", "image_path", "img", "image_id", "id")
LABELS = ("label", "labels", "class", "class_name", "category", "target", "y")


@dataclass(frozen=True)
class Table(Own):
    """Your own images by a CSV or Parquet file with a column of paths and one of labels.

    `--dataset labels.csv` is short for it, and `--target COLUMN` names the labels. Paths begin at the table's folder,
    or at `--data-dir`, and may lack their ending. Columns `split` (train, val, test) and `group` are kept to where they
    are. With `--task regression` labels are numbers; several columns have commas between them.
    """

    path: str | None = None  # name of the column of paths; None: one that is called as usual
    label: str | None = None  # likewise
    task: str = "classification"  # or another whose labels can be words
    images: str | None = None  # the folder or zip where the paths begin; None: where the table is

    def __str__(self) -> str:
        return super(Table, replace(self, images=None)).__str__() if self.images else super().__str__()

    def for_task(self, task):
        return for_words(self, task) or super().for_task(task)

    def aimed(self, target):
        return self if target is None else replace(self, label=target)

    def columns(self):
        return tuple(c.strip() for c in self.label.split(",")) if self.label else super().columns()

    def found(self, data_dir):
        file = Path(data_dir or "").expanduser()
        if not data_dir or not file.is_file():
            raise BadInput(f"no such table: {data_dir}; give a {', '.join(TABLES)} file of paths and labels")
        rows = _rows(file)
        path = _column(file, rows, self.path, PATHS, "paths")
        chosen = self.columns() if self.label else (None,)
        labels = [_column(file, rows, name, LABELS, "labels") for name in chosen]
        root = self.images or str(file.parent)
        wanted = [row[path] for row in rows]
        files = Files(root, self.name, only={FILE} | {n + s for n in wanted for s in ("", *ENDINGS)})
        found: list[Example] = []
        seen: dict[str, int] = {}
        for number, row in enumerate(rows, 2):
            where = f"{file.name} line {number}"
            name = next((row[path] + s for s in ("", *ENDINGS) if row[path] + s in files.names), None)
            if name is None:
                raise BadInput(f"{where} names {row[path]!r}, which is not in {root}; correct it, or set --data-dir")
            if name in seen:
                raise BadInput(f"{where} names {row[path]!r}, and so does line {seen[name]}; remove one")
            seen[name] = number
            split = split_called(row["split"]) if "split" in row else None
            if "split" in row and split is None:
                raise BadInput(f"{where} has the split {row['split']!r}; there are train, val and test")
            label = BETWEEN.join(
                printable(row[name], where) if kind(self.task).labels == "classes" else row[name] for name in labels
            )
            found.append(Example(name, label, split, row.get("group", "")))
        return files, found


def _rows(file: Path) -> list[dict[str, str]]:
    """The table's rows as text.

    Raises:
        BadInput: it is no table, or has no row.
    """
    import pandas as pd

    try:
        if file.suffix.lower() == ".parquet":
            frame = pd.read_parquet(file).astype(str)
        else:
            separator = "\t" if file.suffix.lower() == ".tsv" else None
            frame = pd.read_csv(
                file, sep=separator, engine="python", dtype=str, keep_default_na=False, encoding="utf-8-sig"
            )
    except (OSError, ValueError, KeyError, csv.Error) as error:  # pandas' own errors of parsing are ValueErrors
        raise BadInput(f"{file.name} cannot be read as a table: {first_line(error)}") from None
    if frame.empty:
        raise BadInput(f"{file.name} has no row; it needs a line for each image")
    return [{str(k): str(v) for k, v in row.items()} for row in frame.to_dict("records")]


def _column(file: Path, rows: list[dict[str, str]], chosen: str | None, usual: tuple[str, ...], what: str) -> str:
    there = list(rows[0])
    lower = {c.lower(): c for c in reversed(there)}
    found = [chosen] if chosen in there else [lower[u] for u in usual if u in lower]
    if chosen not in (None, *there) or not found:
        wanted = repr(chosen) if chosen else f"one of {', '.join(usual)}"
        how = "--target NAME" if what == "labels" else f"--dataset \"table(path='...')\" --data-dir {file}"
        raise BadInput(
            f"{file.name} has the columns {', '.join(map(str, there))}; for {what} it needs {wanted}; name it with "
            f"{how}"
        )
    return found[0]
