"""What caching features saves: `extract` against the same head trained through the frozen backbone."""

from typing import Any

from tabulate import tabulate

from lab.files import digest
from lab.records.store import data_of
from lab.report.markdown import safe
from lab.report.table import network

Record = dict[str, Any]
BARE = str.maketrans("", "", "(),")  # what stands around arguments
HEADS = ["data", "network", "seconds from features", "seconds through the backbone", "ratio", "test accuracies"]


def saved(records: list[Record]) -> str:
    """In Markdown, a row a pair of runs that differ in nothing else; features that were there already do not count."""
    alike: dict[str, dict[bool, Record]] = {}
    for r in records:
        c = r["choices"]
        if r["status"] == "done" and c["strategy"].startswith("extract"):
            same = digest(
                [r["experiment"], {**c, "strategy": c["strategy"].translate(BARE).replace("cache=False", "")}]
            )
            alike.setdefault(same, {})["cache=False" in c["strategy"]] = r
    rows = [
        _row(both[False], both[True])
        for both in alike.values()
        if len(both) == 2 and both[False]["steps"][0].get("features") == "computed"
    ]
    return tabulate(rows, HEADS, tablefmt="github", disable_numparse=True) if rows else "Not measured yet."


def _row(cached: Record, through: Record) -> list[str]:
    c = cached["choices"]
    a, b = (r["cost"]["train_seconds"] for r in (cached, through))
    accuracies = f"{cached['test']['accuracy']:.4f}, {through['test']['accuracy']:.4f}"
    return [safe(data_of(c)), network(c), f"{a:.0f}", f"{b:.0f}", f"{a / b:.2f}", accuracies]
