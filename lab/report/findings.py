"""What the checks found in recorded runs."""

from collections.abc import Iterable
from typing import Any

from lab.report.markdown import safe

Record = dict[str, Any]


def listed(records: Iterable[Record]) -> str:
    """In Markdown: a line for each finding, and the runs that have it."""
    runs: dict[str, list[str]] = {}
    for r in records:
        for f in r.get("findings", []) if r["status"] == "done" else []:
            runs.setdefault(f["what"], []).append(r["name"])
    lines = [
        f"- {safe(what)}: `{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for what, names in runs.items()
    ]
    return "\n".join(lines) or "Nothing."
