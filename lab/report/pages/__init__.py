"""The pages that people read: README.md, results/README.md, one of each experiment, and the guides that show a figure.

What stands between two markers is rebuilt from the records; the rest is people's, and never touched. A page of an
experiment that has none is made; a README without markers is somebody's own, and left alone.
"""

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.files import write_atomically
from lab.records import store
from lab.report.markdown import pictures, safe
from lab.report.pages.blocks import BLOCKS, Place
from lab.report.pictures import Picture
from lab.report.site import Site

README = """# Results

[comment]: # (result_table_start)
[comment]: # (result_table_end)
"""
INDEX = """# Results

A page for each experiment, written from its records; see [README](../README.md) for what the lab is.

[comment]: # (pages_table_start)
[comment]: # (pages_table_end)
"""
EXPERIMENT = """# {}

[comment]: # (question_start)
[comment]: # (question_end)

[comment]: # (records_start)
[comment]: # (records_end)
"""


@dataclass(frozen=True)
class Page:
    """A page as it is (None: it is not there), and as the records say that it is."""

    path: Path
    have: str | None
    want: str

    @property
    def is_marked(self) -> bool:
        return any(pattern(name).search(self.want) for name in BLOCKS)


def read(site: Site) -> list[Page]:
    """All pages, README.md last."""
    experiments = {site.page_of(name): name for name in site.experiments}
    found = {path: EXPERIMENT.format(safe(name)) for path, name in experiments.items()}
    found |= {store.results(site.root) / "README.md": INDEX, site.root / "README.md": README}
    others = [*(site.root / "docs").rglob("*.md"), *store.results(site.root).glob("*/README.md")]
    left = sorted(set(others) - set(found))  # guides, and pages whose records are gone
    results = store.results(site.root)
    pages = [_page(site, path, "", path.parent.name if path.is_relative_to(results) else "") for path in left]
    marked = [page for page in pages if page.is_marked]
    return [*marked, *(_page(site, path, text, experiments.get(path, "")) for path, text in found.items())]


def _page(site: Site, path: Path, made: str, experiment: str) -> Page:
    have = _read(path)
    text = made if have is None else have
    end = "\r\n" if "\r\n" in text else "\n"
    return Page(path, have, with_blocks(site, path, text.replace("\r\n", "\n"), experiment).replace("\n", end))


def _read(path: Path) -> str | None:
    """A page with its own ends of lines; nothing of one that is not in UTF-8, which is nobody's but its writer's."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return ""


def with_blocks(site: Site, path: Path, text: str, experiment: str = "") -> str:
    """The text of a page with all its blocks as the records say."""
    own = "".join(re.split(pattern("records"), text)[::3])  # what people wrote, and other blocks
    place = Place(site, path, experiment, pictures(own))
    for name, build in BLOCKS.items():
        if pattern(name).search(text):
            text = pattern(name).sub(partial(_between, build(place)), text)
    return text


def _between(block: str, match: re.Match) -> str:
    return f"{match[1]}\n\n{block}\n\n{match[2]}"


def write(site: Site, pages: list[Page]) -> list[str]:
    """Writes what differs; says what it did."""
    said = []
    for page in pages:
        name = page.path.relative_to(site.root)
        if not page.is_marked:
            said.append(
                f"{name} has no lines `[comment]: # (result_table_start)` and `[comment]: # (result_table_end)`, "
                "so it was left as it is"
            )
        elif page.have != page.want:
            write_atomically(page.path.resolve(), page.want)
            said.append(f"wrote {name}")
    return said or ["all pages are up to date"]


def stale(site: Site, pages: list[Page]) -> list[str]:
    """The pages that are not what the records say, with the first line that differs."""
    return [line for page in pages for line in _differing(page, page.path.relative_to(site.root))]


def _differing(page: Page, name: Path) -> list[str]:
    if page.have is None:
        return [f"there is no {name}"]
    have, want = page.have.splitlines(), page.want.splitlines()
    if have == want:
        return []
    line = next((i for i, (a, b) in enumerate(zip(have, want, strict=False)) if a != b), min(len(have), len(want)))
    found = have[line] if line < len(have) else "(nothing)"
    return [f"{name} line {line + 1} is not what the records say: {found[:160]}"]


def shown(site: Site, pages: list[Page]) -> list[Picture]:
    """The pictures of records that a page shows."""
    linked = {Path(os.path.normpath(page.path.parent / target)) for page in pages for target in pictures(page.want)}
    return [p for name in site.experiments for p in site.pictures(name) if Path(os.path.normpath(p.path)) in linked]


def pattern(name: str) -> re.Pattern:
    """A block of this name between its markers."""
    start, end = (re.escape(f"[comment]: # ({name}_{edge})") for edge in ("start", "end"))
    return re.compile(rf"({start})\n.*?({end})", re.DOTALL)
