"""Published results beside ours: each row of experiments/<experiment>_published.csv, by the model's name."""

import csv
from pathlib import Path
from typing import Any

from tabulate import tabulate

from lab.report.table import safe

Record = dict[str, Any]
HEADS = ["model", "published train", "published test", "our train", "our test", "what ours is"]


def beside_ours(root: Path, records: list[Record]) -> str:
    """In Markdown; a row that has not been run says so, one that cannot be run here says why and what runs it."""
    tables = []
    for path in sorted((root / "experiments").glob("*_published.csv")):
        comments, rows = read(path)
        ours: dict[str, list[Record]] = {}
        for r in records:
            if r["experiment"].startswith(path.stem.removesuffix("_published")):
                ours.setdefault(r["label"], []).append(r)
        cells = [
            [
                f"`{r['model']}`",
                _three(r["train accuracy"]),
                _three(r["test accuracy"]),
                *_ours(ours.get(r["model"], [])),
            ]
            for r in rows
        ]
        tables.append(
            tabulate(cells, HEADS, tablefmt="github", disable_numparse=True) + "\n\n" + " ".join(comments[1:])
        )
    return "\n\n".join(tables) or "Nothing published to stand beside."


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """(the lines that begin with #, the table's rows)."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    return comments, list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _ours(runs: list[Record]) -> list[str]:
    done = [r for r in runs if r["status"] == "done"]
    if not done:
        return [
            "-",
            "-",
            safe(f"{runs[0]['status']}: {runs[0]['error']}. `{runs[0]['command']}`") if runs else "not run",
        ]
    c = done[0]["choices"]
    means = [sum(r[split]["accuracy"] for r in done) / len(done) for split in ("train", "test")]
    seeds = f", {len(done)} seeds" if len(done) > 1 else ""
    return [
        *(f"{m:.3f}" for m in means),
        safe(f"{c['strategy']} of {c['backbone']}, {c['size']} px, {c['budget']}{seeds}"),
    ]


def _three(text: str) -> str:
    return f"{float(text):.3f}"
