"""results/README.md: the pages of all experiments: what each asks, on which data, how many runs, what came out."""

from pathlib import Path
from urllib.parse import quote

from lab.records.store import data_of
from lab.report import questions
from lab.report.markdown import safe, table
from lab.report.rows import Rows
from lab.report.site import Site
from lab.report.table import reached
from lab.task import score_name


def pages(site: Site) -> str:
    """In Markdown, a row an experiment that has records, and a line for each that has none."""
    made = [_row(site, name) for name in site.experiments]
    rest = [name for name in questions.written(site.root) if name not in site.experiments]
    lines = [
        f"- [{n}](../experiments/{n}.py){_file(site.root, n)}: {safe(questions.asked(site.root, n))}" for n in rest
    ]
    text = table(made, ["experiment", "question", "data", "runs", "best on test"]) if made else "No records yet."
    return text + ("\n\nWritten, with no runs of their own:\n\n" + "\n".join(lines) if lines else "")


def _row(site: Site, name: str) -> list[str]:
    records = site.experiments[name]
    done = [r for r in records if r["status"] == "done"]
    data = sorted({data_of(r["choices"]).partition("(")[0] for r in records})
    many = f"{len(done)} of {len(records)}" if len(done) < len(records) else str(len(done))
    return [f"[{safe(name)}]({quote(name)}/README.md)", safe(questions.asked(site.root, name)) or "runs given by flags",
            safe(", ".join(data)), many, "; ".join(_best(site.rows(name)))]  # fmt: skip


def _best(found_rows: list[Rows]) -> list[str]:
    found = []
    for some in found_rows:
        runs = some.runs[0]
        if runs[0]["status"] != "done":
            continue
        found.append(f"{safe(some.data.partition('(')[0])}: {score_name(runs[0])} {reached(runs).partition(' ')[0]}")
    return found


def _file(root: Path, name: str) -> str:
    return f" ([what it measured]({name}.json))" if (root / "results" / f"{name}.json").exists() else ""
