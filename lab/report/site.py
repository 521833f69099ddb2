"""What all pages are made from: the folder, the records, and what follows from them, worked out once."""

from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lab.comparison.contestants import Contest, alike
from lab.comparison.verdict import Pair, Verdict
from lab.records import store
from lab.report import judging
from lab.report.markdown import slug
from lab.report.pictures import Picture, candidates
from lab.report.rows import Rows, of_experiment
from lab.report.table import named, network, told_apart

Record = dict[str, Any]
OTHERS = ("model", "loss", "augment")  # choices, beside the strategy, in which runs of an experiment may compete
APART = ("strategy", "weights")  # what differs within a contest, not between two


class Site:
    """A folder and its records."""

    def __init__(self, root: Path, records: list[Record]) -> None:
        self.root, self.records = root, records
        self._pictures: dict[str, list[Picture]] = {}
        self._contests: dict[str, list[tuple[Contest, str]]] = {}
        self._others: dict[str, list[Contest]] = {}
        self._rows: dict[str, list[Rows]] = {}
        self._verdicts: dict[int, Verdict | str] = {}
        self._over_scratch: dict[int, dict[str, Pair]] = {}

    @cached_property
    def experiments(self) -> dict[str, list[Record]]:
        """The records of each experiment, by its name."""
        found: dict[str, list[Record]] = {}
        for r in self.records:
            found.setdefault(r["experiment"], []).append(r)
        return dict(sorted(found.items()))

    def page_of(self, experiment: str) -> Path:
        return store.results(self.root) / experiment / "README.md"

    def pictures(self, experiment: str) -> list[Picture]:
        """All pictures that the experiment's records can be drawn as."""
        if experiment not in self._pictures:
            self._pictures[experiment] = candidates(self.root, experiment, self.experiments[experiment])
        return self._pictures[experiment]

    def contests(self, experiment: str) -> list[tuple[Contest, str]]:
        """(the strategies that compete, a title that no other has), by their titles."""
        if experiment not in self._contests:
            found = [c for c in alike(self.experiments[experiment], "strategy") if len(c.runs) > 1]
            firsts = [c.first for c in found]
            titles = told_apart([f"{named(r['choices'])}: {network(r['choices'])}" for r in firsts], firsts, APART)
            self._contests[experiment] = sorted(zip(found, titles, strict=True), key=lambda of: of[1])
        return self._contests[experiment]

    def others(self, experiment: str) -> list[Contest]:
        """What competes in something else than its strategy: models, losses, augmentation."""
        if experiment not in self._others:
            records = self.experiments[experiment]
            self._others[experiment] = [c for axis in OTHERS for c in alike(records, axis) if len(c.runs) > 1]
        return self._others[experiment]

    def rows(self, experiment: str) -> list[Rows]:
        """All its runs, of each data set."""
        if experiment not in self._rows:
            self._rows[experiment] = list(of_experiment(self.experiments.get(experiment, [])))
        return self._rows[experiment]

    def verdict(self, contest: Contest) -> Verdict | str:
        """On all pairs of one of its contests, or why there is none."""
        if id(contest) not in self._verdicts:
            self._verdicts[id(contest)] = judging.judged(self.root, contest)
        return self._verdicts[id(contest)]

    def over_scratch(self, contest: Contest) -> dict[str, Pair]:
        """The pair of each contestant with scratch, where there is one."""
        if id(contest) not in self._over_scratch:
            self._over_scratch[id(contest)] = judging.against_scratch(self.root, contest)
        return self._over_scratch[id(contest)]

    def link(self, experiment: str, heading: str = "") -> str:
        """Where a heading of an experiment's page is, from README.md."""
        return f"results/{quote(experiment)}/README.md" + (f"#{slug(heading)}" if heading else "")
