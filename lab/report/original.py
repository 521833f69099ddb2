"""Published results beside ours: each row of experiments/<experiment>_published.csv, by the model's name."""

import csv
from pathlib import Path
from typing import Any

from tabulate import tabulate

from lab.report.markdown import safe
from lab.report.table import network

Record = dict[str, Any]
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
        table = tabulate(rows, HEADS, tablefmt="github", disable_numparse=True)
        tables.append("\n".join([table, "", *lines, *([""] if lines else []), "Published: " + " ".join(comments[1:])]))
    return "\n\n".join(tables) or "Nothing published to stand beside."


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """(the lines that begin with #, the table's rows)."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    return comments, list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _rows(published: dict[str, str], runs: list[Record], notes: list[str]) -> list[list[str]]:
    """A row for each of our groups of that name, one at least; adds to the notes."""
    groups: dict[str, list[Record]] = {}
    for r in runs:
        groups.setdefault(r["group"], []).append(r)
    theirs = [f"{float(published[f'{split} accuracy']):.3f}" for split in ("train", "test")]
    ours = [_ours(group, notes) for group in groups.values()] or [["-", "-", "not run"]]
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
