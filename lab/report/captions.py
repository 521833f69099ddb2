"""What a table's figures are of, a line each data set: classes, splits, sizes, budgets, seeds."""

from collections.abc import Iterable
from typing import Any

from lab.inputs.data import IGNORED, hw
from lab.records.store import data_of
from lab.report.markdown import safe

Record = dict[str, Any]
NAMED = 12  # classes that are named


def captions(records: Iterable[Record]) -> str:
    """In Markdown, of the finished runs."""
    of_data: dict[str, list[Record]] = {}
    for r in records:
        if r["status"] == "done" and "data" in r:
            of_data.setdefault(data_of(r["choices"]), []).append(r)
    return "\n".join(f"- {safe(data)}: {_said(some)}" for data, some in sorted(of_data.items()))


def _said(records: list[Record]) -> str:
    classes, splits = records[0]["data"]["classes"], [r["data"]["splits"] for r in records]
    train, val, test = (_span([s[name]["examples"] for s in splits]) for name in ("train", "val", "test"))
    named = f" ({safe(', '.join(classes))})" if len(classes) <= NAMED else ""
    parts = [
        f"{len(classes)} classes{named}",
        f"trained on {train}, chosen on {val}, tested on {test} examples",
        f"{_listed(sorted({r['choices']['size'] for r in records if r['choices']['size']}, key=hw))} px",
    ]
    if budgets := {r["choices"]["budget"] for r in records if "budget" in r["choices"]}:
        parts.append(f"{_listed(sorted(budgets, key=_steps))} a run")
    seeds = sorted({r["choices"]["seed"] for r in records if r["choices"].get("seed") is not None})
    parts.append(f"seed{'s' if len(seeds) > 1 else ''} {_listed(seeds)}")
    if "pixels" in records[0]["test"]:
        pixels = _span([r["test"]["pixels"] for r in records])
        parts.append(f"{pixels} test pixels; those labelled {IGNORED} count nowhere")
    return "; ".join(parts)


def _steps(budget: str) -> tuple[str, int]:
    number = "".join(c for c in budget if c.isdigit())
    return budget[len(number) :], int(number)


def _span(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _listed(values: list[Any]) -> str:
    *most, last = [str(v) for v in values] or ["no"]
    return f"{', '.join(most)} and {last}" if most else last
