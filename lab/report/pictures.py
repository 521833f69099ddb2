"""Every picture that is drawn from records: drawn when it is missing or stale, removed when its records are gone.

A picture carries the digest of the numbers in it, so `--check` needs no drawing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.drawing import LOOK, save
from lab.files import digest
from lab.report import bubbles, channels, curves, mistakes, pareto, policies, shots, smoothed, strategies, together

KEY = "lab-digest"


@dataclass(frozen=True)
class Picture:
    """Where a picture belongs, the numbers that it shows, and how it is drawn."""

    path: Path
    numbers: Any
    draw: Callable[[], Any]  # a matplotlib figure

    @property
    def is_fresh(self) -> bool:
        return _drawn_from(self.path) == self.key

    @property
    def key(self) -> str:
        """The digest of the numbers, and of how numbers are drawn."""
        return digest([LOOK, self.numbers])


def wanted(root: Path, records: list[dict[str, Any]]) -> list[Picture]:
    """All pictures that the records call for."""
    made = [
        Picture(root / "img" / name, numbers, draw)
        for module in (curves, policies, bubbles, smoothed, channels, shots, strategies, pareto, together)
        for name, numbers, draw in module.pictures(records)
    ]
    return made + [Picture(root / "img" / name, n, draw) for name, n, draw in mistakes.pictures(root, records)]


def draw_all(root: Path, records: list[dict[str, Any]], svg: bool = False) -> list[Path]:
    """Draws what is missing or stale, removes what has no record; returns what was drawn.

    With `svg` all are drawn as SVG, too, beside the PNG.
    """
    pictures = wanted(root, records)
    for path in _orphans(root, pictures):
        path.unlink()
    drawn = [p for p in pictures if not p.is_fresh]
    for picture in drawn:
        save(picture.draw(), picture.path, {KEY: picture.key})
    vectors = [save(p.draw(), p.path.with_suffix(".svg")) for p in pictures] if svg else []
    return [*(p.path for p in drawn), *vectors]


def stale(root: Path, records: list[dict[str, Any]]) -> list[str]:
    """Pictures that are missing, were drawn from other records, or have none."""
    pictures = wanted(root, records)
    return [f"{path.relative_to(root)} has no record" for path in _orphans(root, pictures)] + [
        f"{p.path.relative_to(root)} is {'stale' if p.path.exists() else 'missing'}" for p in pictures if not p.is_fresh
    ]


def _orphans(root: Path, pictures: list[Picture]) -> list[Path]:
    """Pictures that this module drew (nobody else's) from records that are no more."""
    paths = {p.path for p in pictures}
    return [p for p in sorted((root / "img").rglob("*.png")) if p not in paths and _drawn_from(p)]


def _drawn_from(path: Path) -> str | None:
    """The digest that a picture carries; None where there is none."""
    from PIL import Image

    if not path.exists():
        return None
    with Image.open(path) as image:
        return image.info.get(KEY)  # stands before the pixels, which `text` would decode
