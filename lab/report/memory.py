"""The table of shapes and memory of zoomed data, from what `experiments/memory.py` measured."""

import json
from pathlib import Path

from tabulate import tabulate

from lab.records import store


def shapes(root: Path) -> str:
    """In Markdown, a column for each way of preparing the data."""
    path = store.results(root) / "memory.json"
    if not path.exists():
        return "Not measured yet: `python experiments/memory.py`."
    found = json.loads(path.read_text(encoding="utf-8"))
    rows: list[list[str]] = []
    for split in ("train", "test"):
        for part, letter in (("images", "x"), ("labels", "y")):
            rows.append([f"{letter}_{split}", *(str(tuple(r["theirs"][split][part])) for r in found["rows"])])
    theirs = [sum(r["theirs"][s]["bytes"] for s in ("train", "test")) for r in found["rows"]]
    rows += [
        ["memory, the original's way", *map(_size, theirs)],
        ["memory, here", *(_size(r["ours"]["held"]) for r in found["rows"])],
        [f"and a batch of {found['batch_size']}", *(_size(r["ours"]["batch"]) for r in found["rows"])],
    ]
    return tabulate(
        rows, ["", *(r["data"] for r in found["rows"])], tablefmt="github", disable_numparse=True, stralign="right"
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
