"""What an experiment's records say, section by section: runs, verdicts, pictures, findings, data, versions."""

from pathlib import Path
from typing import Any

from lab.comparison.verdict import Verdict
from lab.report import contests, findings, setup, shots
from lab.report import verdict as text_of
from lab.report.markdown import safe
from lab.report.pages import gallery
from lab.report.site import OTHERS, Site

Record = dict[str, Any]


def text(site: Site, experiment: str, page: Path, elsewhere: set[str]) -> str:
    """In Markdown; `elsewhere` is what the page shows already."""
    records = site.experiments.get(experiment, [])
    sections = {
        "Runs": runs(site, experiment),
        "Verdicts": verdicts(site, experiment),
        "Pictures": gallery.text(site, experiment, elsewhere) if records else "",
        "What the checks found": found if (found := findings.listed(records)) != "Nothing." else "",
        "Data": setup.data(site.root, records, page),
        "Versions": setup.versions(records),
    }
    return "\n\n".join(f"## {title}\n\n{said}" for title, said in sections.items() if said)


def runs(site: Site, experiment: str) -> str:
    """Mean and deviation over seeds, the best of a data set in bold; a table each data set."""
    parts = [f"### {safe(some.heading)}\n\n{some.text}" for some in site.rows(experiment)]
    return "\n\n".join([ABOUT, *parts, *unfinished(site.experiments.get(experiment, []))])


def unfinished(records: list[Record]) -> list[str]:
    """Why runs are not done, a line each reason."""
    found: dict[tuple[str, str], int] = {}
    for r in records:
        if r["status"] != "done":
            reason = (r["status"], r.get("error", ""))
            found[reason] = found.get(reason, 0) + 1
    lines = [f"- {n} {status}{f': {safe(error)}' if error else ''}" for (status, error), n in found.items()]
    return ["\n".join(lines)] if lines else []


ABOUT = (
    "A row for runs that differ by their seed only: mean ± standard deviation over seeds, the best in bold. Train "
    "figures are measured as test figures are, at the end, in inference mode."
)


def verdicts(site: Site, experiment: str) -> str:
    """Every contest of strategies; those by the number of examples have a table of their own."""
    found = site.contests(experiment) if experiment in site.experiments else []
    rest = {id(r) for r in shots.others(site.experiments.get(experiment, []))}
    parts = [
        f"### {safe(title)}\n\n{contests.verdict(site, contest)}"
        for contest, title in found
        if all(id(r) in rest for r in contest.records)
    ]
    others = compared_otherwise(site, experiment) if experiment in site.experiments else []
    if others:
        body = "\n\n".join(others)
        parts.append(f"<details><summary>Other comparisons ({len(others)})</summary>\n\n{body}\n\n</details>")
    return "\n\n".join(parts)


def compared_otherwise(site: Site, experiment: str) -> list[str]:
    """The contests in something else than the strategy, those that can be judged."""
    parts = []
    for axis in OTHERS:
        found = [v for c in site.others(experiment) if c.axis == axis and isinstance(v := site.verdict(c), Verdict)]
        for v, title in zip(found, text_of.titles(found), strict=True):
            parts.append(f"**{safe(title.partition(': ')[2])}**\n\n{contests.verdict(site, v.contest)}")
    return parts
