"""What a run leaves in the cache for the report to draw: dataclasses of arrays, a file each. No Keras."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.records import store


def path_of(root: Path, experiment: str, name: str, what: str) -> Path:
    """Where a run leaves what is called so."""
    return store.cache(root, experiment) / f"{name}.{what}.npz"


def to_draw(root: Path, records: list[dict[str, Any]], what: str, shown: str) -> Iterator[tuple[dict, Path, Path]]:
    """(record, what it kept, the folder for its pictures) of finished runs that kept something.

    The folder is `shown` below img/; where the data may not be shown to others, the cache.
    """
    for r in records:
        kept = path_of(root, r["experiment"], r["name"], what)
        if r["status"] == "done" and kept.exists():
            yield r, kept, root / "img" / shown if r["data"].get("shareable") else kept.parent
