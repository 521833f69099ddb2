"""Published results beside ours: each row of experiments/<experiment>_published.csv, by the model's name."""

import csv
from pathlib import Path
from typing import Any

from lab.report import markdown
from lab.report.markdown import safe
from lab.report.table import network

Record = dict[str, Any]
COLUMNS = {"test accuracy": 3, "test loss": 2, "train accuracy": 3, "train loss": 2, "time s": 0}  # and their places
HEADS = ["model", "published: train", "test", "ours: train", "test", "what ours is"]


def beside_ours(root: Path, records: list[Record]) -> str:
    """In Markdown; train accuracies as training itself saw them, on either side.

    A row that has not been run says so; why one cannot be run here, and what runs it, stands below.
    """
    tables = []
    for path in sorted((root / "experiments").glob("*_published.csv")):
        comments, published = read(path)
        near = [r for r in records if r["experiment"].startswith(path.stem.removesuffix("_published"))]
        notes: list[str] = []
        rows = [
            cells for row in published for cells in _rows(row, [r for r in near if r["label"] == row["model"]], notes)
        ]
        lines = [f"- [{i}] {note}" for i, note in enumerate(notes, 1)]
        table = markdown.table(rows, HEADS)
        tables.append("\n".join([table, "", *lines, *([""] if lines else []), "Published: " + " ".join(comments[1:])]))
    return "\n\n".join(tables) or "Nothing published to stand beside."


def replaced(root: Path, records: list[Record]) -> str:
    """In Markdown, in the columns of the published tables: each published row, and ours of that name below it."""
    lines = []
    for path in sorted((root / "experiments").glob("*_published.csv")):
        near = [r for r in records if r["experiment"].startswith(path.stem.removesuffix("_published"))]
        for row in read(path)[1]:
            lines.append([f"`{row['model']}`", *(f"{float(row[name]):.{places}f}" for name, places in COLUMNS.items())])
            lines += [_below(runs) for runs in _groups([r for r in near if r["label"] == row["model"]]) if _done(runs)]
    return markdown.table(lines, ["model", *COLUMNS]) if lines else "Nothing published to stand beside."


def _below(runs: list[Record]) -> list[str]:
    c = runs[0]["choices"]
    policy = ", Keras' batch norm" if c.get("bn", "sound") == "keras" else ", sound batch norm"
    many = f", {len(runs)} seeds" if len(runs) > 1 else ""
    figures = [[r[split][name] for r in runs] for split in ("test", "train") for name in ("accuracy", "loss")]
    figures.append([r["cost"]["train_seconds"] for r in runs])
    means = [f"**{sum(of) / len(of):.{places}f}**" for of, places in zip(figures, COLUMNS.values(), strict=True)]
    return [f"**here**{policy}{many}", *means]


def _done(runs: list[Record]) -> bool:
    return all(r["status"] == "done" for r in runs)


def _groups(runs: list[Record]) -> list[list[Record]]:
    groups: dict[str, list[Record]] = {}
    for r in runs:
        groups.setdefault(r["group"], []).append(r)
    return list(groups.values())


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """(the lines that begin with #, the table's rows)."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    return comments, list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _rows(published: dict[str, str], runs: list[Record], notes: list[str]) -> list[list[str]]:
    """A row for each of our groups of that name, one at least; adds to the notes."""
    theirs = [f"{float(published[f'{split} accuracy']):.3f}" for split in ("train", "test")]
    ours = [_ours(group, notes) for group in _groups(runs)] or [["-", "-", "not run"]]
    return [[f"`{published['model']}`", *theirs, *cells] for cells in ours]


def _ours(runs: list[Record], notes: list[str]) -> list[str]:
    c, status = runs[0]["choices"], runs[0]["status"]
    policy = f", --bn {c['bn']}" if c.get("bn", "sound") != "sound" else ""
    what = f"{c['strategy']} of {network(c)}{policy}"
    if status != "done":
        note = safe(f"{runs[0]['error']}. `{runs[0]['command']}`")
        notes += [] if note in notes else [note]
        return [status, f"[{notes.index(note) + 1}]", what]
    test = sum(r["test"]["accuracy"] for r in runs) / len(runs)
    return [_trained(runs), f"{test:.3f}", what + (f", {len(runs)} seeds" if len(runs) > 1 else "")]


def _trained(runs: list[Record]) -> str:
    """Mean training accuracy in the epoch that was kept, of the last phase."""
    last = [[s for s in r["steps"] if s.get("history")][-1:] for r in runs]
    kept = [phase["history"][phase["kept_epoch"] - 1]["accuracy"] for phases in last for phase in phases]
    return f"{sum(kept) / len(kept):.3f}" if kept else "-"
