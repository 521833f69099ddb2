"""Every picture that records can be drawn as, and those that a page shows: drawn when missing or stale, else removed.

results/<experiment>/img/<kind>-<what>.png. A picture carries the digest of the numbers in it, so `--check` needs no
drawing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.drawing import LOOK, save
from lab.files import digest
from lab.records import store
from lab.report import channels, shots
from lab.report.pictures import bubbles, curves, mistakes, pareto, policies, smoothed, strategies, together

KEY = "lab-digest"
MODULES = (together, curves, policies, bubbles, smoothed, channels, shots, strategies, pareto)


@dataclass(frozen=True)
class Picture:
    """Where a picture belongs, the numbers that it shows, and how it is drawn."""

    path: Path
    numbers: Any
    draw: Callable[[], Any]  # a matplotlib figure

    @property
    def is_fresh(self) -> bool:
        return drawn_from(self.path) == self.key

    @property
    def key(self) -> str:
        """The digest of the numbers, and of how numbers are drawn."""
        return digest([LOOK, self.numbers])

    @property
    def kind(self) -> str:
        """What it shows, as `confusion`."""
        return self.path.name.partition("-")[0]


def folder(root: Path, experiment: str) -> Path:
    """Where the pictures of an experiment lie: beside its records."""
    return store.results(root) / experiment / "img"


def candidates(root: Path, experiment: str, records: list[dict[str, Any]]) -> list[Picture]:
    """All pictures that the records of an experiment can be drawn as."""
    made = [picture for module in MODULES for picture in module.pictures(records)]
    return [
        Picture(folder(root, experiment) / name.replace(f"/{experiment}-", "-", 1), numbers, draw)
        for name, numbers, draw in [*made, *mistakes.pictures(root, records)]
    ]


def draw_all(root: Path, wanted: Iterable[Picture], svg: bool = False) -> list[Path]:
    """Draws what is missing or stale, removes what no page shows; returns what was drawn.

    With `svg` all are drawn as SVG, too, beside the PNG.
    """
    wanted = list(wanted)
    for path in _orphans(root, wanted):
        path.unlink()
    drawn = [p for p in wanted if not p.is_fresh]
    for picture in drawn:
        save(picture.draw(), picture.path, {KEY: picture.key})
    vectors = [save(p.draw(), p.path.with_suffix(".svg")) for p in wanted] if svg else []
    return [*(p.path for p in drawn), *vectors]


def stale(root: Path, wanted: Iterable[Picture]) -> list[str]:
    """Pictures that are missing, were drawn from other records, or are shown nowhere."""
    wanted = list(wanted)
    return [f"{path.relative_to(root)} is shown on no page" for path in _orphans(root, wanted)] + [
        f"{p.path.relative_to(root)} is {'stale' if p.path.exists() else 'missing'}" for p in wanted if not p.is_fresh
    ]


def _orphans(root: Path, wanted: list[Picture]) -> list[Path]:
    """Pictures that this module drew (nobody else's) and that no page shows, or whose records are no more."""
    paths = {p.path for p in wanted}
    there = [*(root / "img").rglob("*.png"), *store.results(root).glob("*/img/*.png")]
    return [p for p in sorted(there) if p not in paths and drawn_from(p)]


def drawn_from(path: Path) -> str | None:
    """The digest that a picture carries; None where there is none."""
    from PIL import Image

    if not path.exists():
        return None
    with Image.open(path) as image:
        return image.info.get(KEY)  # stands before the pixels, which `text` would decode
