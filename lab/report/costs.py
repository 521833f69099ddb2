"""What the lab costs beside bare Keras and other ways, from what `experiments/benchmark.py` measured."""

import json
from pathlib import Path
from typing import Any

from tabulate import tabulate

from lab.records import store
from lab.report.markdown import safe

HEADS = ["what", "here", "beside it", "", "ratio", "aim"]


def measured(root: Path) -> str:
    """In Markdown, a row for each thing that was measured; a line below for each machine and its versions."""
    path = store.results(root) / "benchmark.json"
    if not path.exists():
        return "Not measured yet: `python experiments/benchmark.py`."
    made = json.loads(path.read_text(encoding="utf-8"))
    rows = [_row(r) for of in made.values() for r in of["rows"]]
    machines: dict[str, list[str]] = {}
    for name, of in made.items():
        machines.setdefault(_machine(of["environment"]), []).append(name)
    lines = [f"- {', '.join(names)}: {machine}" for machine, names in machines.items()]
    return tabulate(rows, HEADS, tablefmt="github", disable_numparse=True) + "\n\n" + "\n".join(lines)


def _row(r: dict[str, Any]) -> list[str]:
    here, there = (f"{_figure(r[name])} {r['unit']}" for name in ("ours", "theirs"))
    return [safe(r["what"]), here, safe(r["beside"]), there, _figure(r["ratio"]), _aim(r)]


def _aim(r: dict[str, Any]) -> str:
    if not r["aim"]:
        return ""
    which, bound = r["aim"]
    is_reached = r["ratio"] >= bound if which == "at least" else r["ratio"] <= bound
    return f"{which} {_figure(bound)}" + ("" if is_reached else ", **not reached**")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _machine(e: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {v}" for name, v in e["versions"].items() if v and name in ("keras", e["backend"]))
    return f"{e['cores']} cores, {e['device']}, {e['machine']}, Python {e['python']}, {versions}"
