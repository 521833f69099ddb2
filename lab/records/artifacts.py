"""What a run leaves in the cache for the report to draw: dataclasses of arrays, a file each. No Keras."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.records import store


def path_of(root: Path, experiment: str, name: str, what: str) -> Path:
    """Where a run leaves what is called so."""
    return store.cache(root, experiment) / f"{name}.{what}.npz"


def to_draw(root: Path, records: list[dict[str, Any]], what: str) -> Iterator[tuple[dict, Path, Path]]:
    """(record, what it kept, the folder for its pictures) of finished runs that kept something.

    The folder is beside the experiment's records; where the data may not be shown to others, the cache.
    """
    for r in records:
        kept = path_of(root, r["experiment"], r["name"], what)
        if r["status"] == "done" and kept.exists():
            beside = store.results(root) / r["experiment"] / "img"
            yield r, kept, beside if r["data"].get("shareable") else kept.parent
