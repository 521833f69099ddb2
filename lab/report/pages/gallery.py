"""The pictures of an experiment's page, by what they show; those that stand elsewhere on the page are not repeated."""

from typing import Any

from lab.report.markdown import picture
from lab.report.pictures import Picture, folder
from lab.report.site import Site
from lab.report.table import OWN
from lab.task import goodness

Record = dict[str, Any]
SAID = {
    "strategies": "Score and cost of every strategy",
    "pareto": "Score against training time, and what no other beats in less",
    "shots": "Score by the number of training examples",
    "channels": "Score by policy for the bands",
    "bubbles": "Score against cost; a circle is as large as the model's file",
    "together": "Validation loss and score by training step, a band over seeds",
    "smoothed": "Validation score by training step, smoothed",
    "curves": "Loss and score by training step, a line each seed",
    "batch_norm": "The same run under two policies for batch normalisation",
    "confusion": "What the best network mistakes for what",
    "reliability": "How sure the best network is, and how often it is right",
    "gallery": "Test examples: those that a network does best and worst",
    "explained": "Where a network looks, and how its features lie",
}
FOLDED = ("curves", "confusion", "reliability", "explained")  # shown where somebody opens them
FEW = 6  # runs whose own curves are shown, where no picture shows them together


def text(site: Site, experiment: str, elsewhere: set[str]) -> str:
    """In Markdown."""
    found: dict[str, list[str]] = {}
    for p in site.pictures(experiment):
        if p.kind != "curves":
            found.setdefault(p.kind, []).append(p.path.name)
    found["curves"] = [p.path.name for p in curves(site, experiment)]
    for kind in ("gallery", "explained"):  # drawn from what runs left in the cache, or committed
        found[kind] = sorted(p.name for p in folder(site.root, experiment).glob(f"{kind}-*.png"))
    parts = [_kind(kind, [n for n in found.get(kind, []) if f"img/{n}" not in elsewhere]) for kind in SAID]
    return "\n\n".join(filter(None, parts))


def curves(site: Site, experiment: str) -> list[Picture]:
    """Of a user's own runs all; else of the runs that no picture shows together, the best on validation."""
    made = [p for p in site.pictures(experiment) if p.kind == "curves"]
    if experiment == OWN:
        return made
    joint = {r["group"] for contest, _ in site.contests(experiment) for r in contest.records}
    alone = {r["group"]: r for r in site.experiments[experiment] if r["status"] == "done" and r["group"] not in joint}
    if any(p.kind == "smoothed" for p in site.pictures(experiment)):
        return []
    best = sorted(alone, key=lambda group: -goodness(alone[group], "val") if "val" in alone[group] else 0.0)[:FEW]
    return [p for p in made if p.path.stem.rpartition("-")[2] in {group[:6] for group in best}]


def _kind(kind: str, names: list[str]) -> str:
    if not names:
        return ""
    shown = "\n\n".join(picture(f"img/{name}", f"{SAID[kind]}: {name.removesuffix('.png')}") for name in names)
    if kind in FOLDED:
        return f"<details><summary>{SAID[kind]} ({len(names)})</summary>\n\n{shown}\n\n</details>"
    return f"{SAID[kind]}:\n\n{shown}"
