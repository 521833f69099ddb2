"""What can stand between two markers of a page: its name, and how it is made."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import names
from lab.report import (
    caching,
    channels,
    costs,
    findings,
    headline,
    index,
    losses,
    margins,
    memory,
    original,
    questions,
    ranking,
    shots,
    sizes,
)  # fmt: skip
from lab.report.markdown import table
from lab.report.pages import experiment
from lab.report.site import Site
from lab.report.table import OWN


@dataclass(frozen=True)
class Place:
    """Where a block stands.

    Attributes:
        experiment: whose page it is; "" of any other page.
        pictures: what the page links to outside what is written of the records.
    """

    site: Site
    page: Path
    experiment: str
    pictures: set[str]

    @property
    def root(self) -> Path:
        return self.site.root

    @property
    def records(self) -> list[dict[str, Any]]:
        """Those that a block is of: the experiment's on its page, else all."""
        return self.site.experiments.get(self.experiment, []) if self.experiment else self.site.records


def listed(folder: str) -> str:
    """The names of a folder and the first line of each docstring, in Markdown."""
    return table([(f"`{name}`", what) for name, what in names.table(folder)], ["name", "what it is"])


def asked(p: Place) -> str:
    if p.experiment == OWN:
        return questions.of_flags(p.records)
    return questions.about(p.root, p.experiment, [r["command"] for r in p.records if r.get("command")])


BLOCKS: dict[str, Callable[[Place], str]] = {
    "result_table": lambda p: headline.text(p.site),
    "replaced_table": lambda p: original.replaced(p.root, p.site.records),
    "pages_table": lambda p: index.pages(p.site),
    "question": asked,
    "records": lambda p: experiment.text(p.site, p.experiment, p.page, p.pictures),
    "findings_list": lambda p: findings.listed(p.records),
    "margins_table": lambda p: margins.against_scratch(p.root, p.records),
    "shots_table": lambda p: shots.table(p.root, p.records),
    "ranking_table": lambda p: ranking.table(p.root, p.site.records),
    "original_table": lambda p: original.beside_ours(p.root, p.site.records),
    "caching_table": lambda p: caching.saved(p.records),
    "crossed_table": lambda p: losses.crossed(p.records),
    "policies_table": lambda p: channels.policies(p.root, p.records),
    "costs_table": lambda p: costs.measured(p.root),
    "memory_table": lambda p: memory.shapes(p.root),
    "sizes_table": lambda p: sizes.refused(p.root),
    "strategies_table": lambda p: listed("strategies"),
    "heads_table": lambda p: listed("heads"),
    "channels_table": lambda p: listed("channels"),
    "losses_table": lambda p: listed("losses"),
    "datasets_table": lambda p: listed("datasets"),
}
