"""An experiment as one HTML file that opens from disk: its runs, curves, verdicts and pictures. No Keras.

Nothing is loaded from elsewhere: plotly.js is in the file, and so are the pictures and the records.
"""

import ast
import base64
import html
import json
from pathlib import Path
from string import Template
from typing import Any

import lab
from lab.comparison.contestants import alike
from lab.comparison.kept_verdicts import judge
from lab.drawing import PALETTE
from lab.errors import BadInput
from lab.files import write_atomically
from lab.records.store import data_of, model_of
from lab.report import verdict as text
from lab.report.curves import points
from lab.report.pictures import wanted
from lab.task import kind

Record = dict[str, Any]
TEMPLATE = Path(__file__).parent / "page.html"
PLACES = {"seed": 0, "test": 4, "test loss": 3, "val": 4, "train": 4, "time s": 0, "CPU s": 0, "trained": 0, "MB": 0}
COLUMNS = ("status", "model", "strategy", "data", "size", *PLACES)
MOST = 12  # contestants of which all pairs are shown


def write(root: Path, records: list[Record], experiment: str) -> Path:
    """Writes pages/<experiment>.html.

    Raises:
        BadInput: there are no records of such an experiment, or it cannot be written.
    """
    some = [r for r in records if r["experiment"] == experiment]
    if not some:
        known = sorted({r["experiment"] for r in records})
        raise BadInput(f"no records of experiment {experiment}; there are {', '.join(known) or 'none'}")
    path = root / "pages" / f"{experiment}.html"
    write_atomically(path, page(root, some, experiment))
    return path


def page(root: Path, records: list[Record], experiment: str) -> str:
    """The file's text; whatever came from a record is escaped."""
    from plotly.offline import get_plotlyjs

    data = {
        "columns": [{"name": c, "places": PLACES.get(c)} for c in COLUMNS],
        "runs": [run(r) for r in records],
        "palette": PALETTE,
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(experiment),
        question=html.escape(question(root, experiment)),
        verdicts=verdicts(root, records),
        pictures=pictures(root, records),
        version=html.escape(lab.__version__),
        data=json.dumps(data).replace("<", "\\u003c"),  # so that no text can end the script
        plotly=get_plotlyjs(),
    )


def question(root: Path, experiment: str) -> str:
    """The first lines of a written experiment's docstring; of runs given by flags, none."""
    path = root / "experiments" / f"{experiment}.py"
    if not path.exists():
        return ""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]


def run(r: Record) -> Record:
    """A row of the table, with what its curves and its record are."""
    c, done = r["choices"], r["status"] == "done"
    name, cost = kind(c["task"]).score, r.get("cost", {})
    cells = {
        "status": r["status"], "model": r["label"] or model_of(c), "strategy": c["strategy"], "data": data_of(c),
        "size": f"{c['size']} px" if c["size"] else "mixed", "seed": c.get("seed"),
        "trained": r.get("net", {}).get("trained"), "time s": cost.get("train_seconds"),
        "CPU s": cost.get("train_cpu_seconds"), "MB": cost.get("peak_memory_mb"),
    }  # fmt: skip
    if done:
        cells |= {split: r.get(split, {}).get(name) for split in ("test", "val", "train")}
        cells["test loss"] = r["test"].get("loss")
    row = [cells.get(column) for column in COLUMNS]
    return {
        "cells": row,
        "text": " ".join(str(v) for v in (*row, r["name"]) if v is not None).lower(),
        "done": done, "strategy": c["strategy"], "seconds": cells["time s"], "test": cells.get("test"),
        "points": [[p["x"], p["val_loss"], p[f"val_{name}"]] for p in points(r)] if "steps" in r else [],
        "record": r,
    }  # fmt: skip


def verdicts(root: Path, records: list[Record]) -> str:
    """Every comparison of strategies, in HTML."""
    found = [contest for contest in alike(records, "strategy") if len(contest.runs) > 1]
    judged = judge(root, found)
    parts = []
    for v, title in zip(judged, text.titles(judged), strict=True):
        tables = [text.contestants(v, style="html"), text.differences(v, len(v.reached) <= MOST, style="html")]
        sentences = "".join(f"<p>{html.escape(line)}</p>" for line in text.said(v).splitlines())
        parts.append(
            f"<h3>{html.escape(title)}</h3>{''.join(f'<div class=wide>{t}</div><br>' for t in tables)}{sentences}"
        )
    return "\n".join(parts) or "<p>Nothing alike but for the strategy was run.</p>"


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
