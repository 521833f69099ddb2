"""The table of image sizes that each backbone refuses, from what `experiments/sizes.py` found."""

import json
from pathlib import Path

from lab.records import store
from lab.report.markdown import table


def refused(root: Path) -> str:
    """In Markdown; a dash where every size that was tried builds."""
    path = store.results(root) / "backbone_sizes.json"
    if not path.exists():
        return "Not tried yet: `python experiments/sizes.py`."
    found = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        (r["backbone"], f"{r['parameters']:,}", str(r["stages"]), ", ".join(map(str, r["refused"])) or "-")
        for r in found["rows"]
    ]
    heads = ["backbone", "parameters without top", "stages", "refuses"]
    tried = ", ".join(map(str, found["tried"]))
    return table(rows, heads) + f"\n\nTried: {tried} px, Keras {found['keras']}."
