"""Experiments as one HTML file that opens from disk: contests, curves, verdicts, runs and pictures. No Keras.

Nothing is loaded from elsewhere: plotly.js is in the file, and so are the pictures and the records.
"""

import ast
import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import lab
from lab.errors import BadInput
from lab.files import write_atomically
from lab.records.store import data_of, model_of
from lab.report import standings
from lab.report.curves import points
from lab.report.panels import Panel, panels
from lab.report.pictures import wanted
from lab.task import kind

Record = dict[str, Any]
HERE = Path(__file__).parent
PLACES = {"seed": 0, "test": 4, "test loss": 3, "val": 4, "train": 4, "time s": 0, "CPU s": 0, "trained": 0, "MB": 0}
COLUMNS = ("status", "model", "strategy", "data", "size", *PLACES)
FIGURES = {  # what a curve may show, and what its axis says; {} is what the score is called
    "val_score": "validation {}", "val_loss": "validation loss, nats", "score": "training {}",
    "loss": "training loss, as it is minimised", "test_score": "test {}, watched while training",
    "test_loss": "test loss, watched while training, nats",
}  # fmt: skip


def asked(words: Sequence[str], records: list[Record]) -> list[list[str]]:
    """The experiments of each page that `--page` asks for: words with commas between them, or all, a page each."""
    known = sorted({r["experiment"] for r in records})
    if list(words) == ["all"]:
        return [[name] for name in known]
    names = [name.strip() for word in words for name in ([word] if word in known else word.split(","))]
    return [list(dict.fromkeys(name for name in names if name))]


def write(root: Path, records: list[Record], experiments: Sequence[str]) -> Path:
    """Writes pages/<experiment>.html; of several, pages/<one>+<other>.html.

    Raises:
        BadInput: there are no records of such an experiment, or it cannot be written.
    """
    known = sorted({r["experiment"] for r in records})
    if unknown := [name for name in experiments if name not in known]:
        raise BadInput(f"no records of experiment {unknown[0]}; there are {', '.join(known) or 'none'}")
    if not experiments:
        raise BadInput(f"--page takes experiments, with commas between them; there are {', '.join(known) or 'none'}")
    path = root / "pages" / f"{'+'.join(experiments)}.html"
    some = [r for name in experiments for r in records if r["experiment"] == name]
    write_atomically(path, page(root, some, experiments))
    return path


def page(root: Path, records: list[Record], experiments: Sequence[str]) -> str:
    """The file's text; whatever came from a record is escaped."""
    from plotly.offline import get_plotlyjs

    found = panels(root, records)
    looks, at = standings.looks(found), {id(r): i for i, r in enumerate(records)}
    runs = [run(r, columns(experiments)) for r in records]
    data = {
        "columns": [{"name": c, "places": PLACES.get(c)} for c in columns(experiments)],
        "runs": runs,
        "panels": [standings.drawn(p, looks, at) for p in found],
        "figures": {k: v for k, v in FIGURES.items() if any(k in r["curve"] for r in runs)},
    }
    return Template(_part("page.html")).substitute(
        title=html.escape(", ".join(experiments)),
        style=_part("page.css"),
        links="\n".join(links(name, found, len(experiments) > 1) for name in experiments),
        contests="\n".join(contests(root, name, found, looks) for name in experiments),
        pictures=pictures(root, records),
        version=html.escape(lab.__version__),
        data=json.dumps(data).replace("<", "\\u003c"),  # so that no text can end the script
        plotly=get_plotlyjs(),
        script=_part("page.js"),
    )


def _part(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def columns(experiments: Sequence[str]) -> tuple[str, ...]:
    return COLUMNS if len(experiments) == 1 else ("experiment", *COLUMNS)


def links(experiment: str, found: list[Panel], headed: bool) -> str:
    """The contents of an experiment: its panels, and who is best in each."""
    lines = [
        f'<li><a href="#contest-{i}">{html.escape(p.title)}</a> <span class="note">{html.escape(winner(p))}</span></li>'
        for i, p in enumerate(found)
        if p.first["experiment"] == experiment
    ]
    head = f"<p>{html.escape(experiment)}</p>" if headed else ""
    return f"{head}<ol>{''.join(lines)}</ol>"


def winner(p: Panel) -> str:
    several = f", the best of {len(p.contest.runs)}" if len(p.contest.runs) > 1 else ""
    return f"{p.best}{several}"


def contests(root: Path, experiment: str, found: list[Panel], looks: dict[str, dict[str, str]]) -> str:
    """An experiment's heading, question and panels; they are numbered through the page."""
    numbered = [(i, p) for i, p in enumerate(found) if p.first["experiment"] == experiment]
    made = [standings.panel(p, i, looks) for i, p in numbered]
    none = "<p>No run has finished; those that were tried are in the table below.</p>"
    head = f"<h2>{html.escape(experiment)}</h2><p>{html.escape(question(root, experiment))}</p>"
    return "\n".join(['<section class="experiment">', head, *(made or [none]), "</section>"])


def question(root: Path, experiment: str) -> str:
    """The first lines of a written experiment's docstring; of runs given by flags, none."""
    path = root / "experiments" / f"{experiment}.py"
    if not path.exists():
        return ""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]


def run(r: Record, columns: Sequence[str]) -> Record:
    """A row of the table, with its curve and its record."""
    c, name, cost = r["choices"], kind(r["choices"]["task"]).score, r.get("cost", {})
    cells = {
        "experiment": r["experiment"], "status": r["status"], "model": r["label"] or model_of(c),
        "strategy": c["strategy"], "data": data_of(c), "size": f"{c['size']} px" if c["size"] else "mixed",
        "seed": c.get("seed"), "trained": r.get("net", {}).get("trained"), "time s": cost.get("train_seconds"),
        "CPU s": cost.get("train_cpu_seconds"), "MB": cost.get("peak_memory_mb"),
    }  # fmt: skip
    if r["status"] == "done":
        cells |= {split: r.get(split, {}).get(name) for split in ("test", "val", "train")}
        cells["test loss"] = r["test"].get("loss")
    row = [cells.get(column) for column in columns]
    return {
        "cells": row,
        "text": " ".join(str(v) for v in (*row, r["experiment"], r["name"]) if v is not None).lower(),
        "done": r["status"] == "done", "seconds": cells["time s"], "test": cells.get("test"),
        "curve": curve(r, name), "record": r,
    }  # fmt: skip


def curve(r: Record, name: str) -> dict[str, list[float | None]]:
    """Each figure by `x`, the training steps so far; of a run that took none, no `x` and its figures at the end."""
    measured = {
        "val_score": f"val_{name}", "val_loss": "val_loss", "score": name, "loss": "loss", "test_score": f"test_{name}",
        "test_loss": "test_loss",
    }  # fmt: skip
    if found := points(r) if "steps" in r else []:
        kept = {figure: key for figure, key in measured.items() if any(key in p for p in found)}
        return {"x": [p["x"] for p in found]} | {f: [p.get(key) for p in found] for f, key in kept.items()}
    ends = {
        "val_score": ("val", name),
        "val_loss": ("val", "loss"),
        "score": ("train", name),
        "loss": ("train", "loss"),
    }
    return {"x": []} | {f: [r[split][key]] for f, (split, key) in ends.items() if key in r.get(split, {})}


def pictures(root: Path, records: list[Record]) -> str:
    """The experiment's pictures, but for single runs' curves: those are above. What single runs kept, too."""
    drawn = [p.path for p in wanted(root, records) if p.path.parent.name != "graph_loss_accuracy" and p.path.exists()]
    stems = tuple(f"{r['experiment']}-{r['name']}." for r in records)
    for folder in ("gallery", "explained"):
        drawn += [p for p in sorted((root / "img" / folder).glob("*.png")) if p.name.startswith(stems)]
    figures = [
        f'<figure><img loading="lazy" alt="{html.escape(f"{p.parent.name}: {p.stem}")}" '
        f'src="data:image/png;base64,{base64.b64encode(p.read_bytes()).decode()}">'
        f"<figcaption>{html.escape(f'{p.parent.name}: {p.stem}')}</figcaption></figure>"
        for p in drawn
    ]
    return "\n".join(figures) or "<p>None was drawn.</p>"
