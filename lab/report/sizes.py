"""The table of image sizes that each backbone refuses, from what `experiments/sizes.py` found."""

import json
from pathlib import Path

from lab.records import store


def refused(root: Path) -> str:
    """In Markdown; a dash where every size that was tried builds."""
    from tabulate import tabulate

    path = store.results(root) / "backbone_sizes.json"
    if not path.exists():
        return "Not tried yet: `python experiments/sizes.py`."
    found = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        (r["backbone"], f"{r['parameters']:,}", r["stages"], ", ".join(map(str, r["refused"])) or "-")
        for r in found["rows"]
    ]
    heads = ["backbone", "parameters without top", "stages", "refuses"]
    tried = ", ".join(map(str, found["tried"]))
    return (
        tabulate(rows, heads, tablefmt="github", disable_numparse=True)
        + f"\n\nTried: {tried} px, Keras {found['keras']}."
    )
