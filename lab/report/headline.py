"""The headline table of README.md: for each contest who won, by how much over scratch, at what cost; each row a link.

A user's own new runs stand first. What competes with nothing alike has one row an experiment and data set, unless
something that competes is better.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from lab.comparison.contestants import Contest
from lab.comparison.verdict import Verdict
from lab.report import rows, shots
from lab.report.margins import BASE, points, signed
from lab.report.markdown import loose, safe, table
from lab.report.site import Site
from lab.report.table import OWN, named, reached, worded
from lab.task import goodness, score_name

Record = dict[str, Any]
MOST, MOST_OWN = 40, 15  # rows
FEW = 3  # contestants that are named
HEADS = ["data and network", "compared, the best in bold", "test score", "points over scratch, 95 %", "time s"]


class Row(NamedTuple):
    """Cells of a row, what it is of, and when that was finished last."""

    cells: list[str]
    records: list[Record]

    @property
    def finished(self) -> str:
        return max((r.get("finished") or "" for r in self.records), default="")


def text(site: Site) -> str:
    """In Markdown, of all experiments."""
    found = rows_of(site)
    return (
        table([list(map(loose, r.cells)) for r in found], HEADS)
        if found
        else "No records yet: `python -m lab.run` makes the first."
    )


def rows_of(site: Site) -> list[Row]:
    """The rows, as they stand in the table."""
    own = sorted(_of_experiment(site, OWN), key=lambda r: r.finished, reverse=True) if OWN in site.experiments else []
    rest = [row for name in site.experiments if name != OWN for row in _of_experiment(site, name)]
    first = own[:MOST_OWN] if rest else own[:MOST]
    return [*first, *sorted(rest, key=lambda r: r.cells[0].lower())[: MOST - len(first)]]


def _of_experiment(site: Site, name: str) -> list[Row]:
    found = site.contests(name)
    compete = {id(r) for contest, _ in found for r in contest.records}
    alone = [r for r in site.experiments[name] if id(r) not in compete]
    few = {id(r) for r in shots.others(site.experiments[name])}
    by_size: dict[str, list[Contest]] = {}
    made = []
    for contest, title in found:
        if all(id(r) in few for r in contest.records):
            made.append(_of_contest(site, name, contest, title))
        else:
            by_size.setdefault(title.partition(", shots ")[0], []).append(contest)
    made += [_by_size(site, name, of, title) for title, of in by_size.items()]
    return [*made, *_of_rest(site, name, alone, [contest for contest, _ in found])]


def _of_contest(site: Site, name: str, contest: Contest, title: str) -> Row:
    data, _, network = title.partition(": ")
    best, reached = _best(site, contest)
    v = site.verdict(contest)
    cells = [
        _where(data, site.link(name, title), network, max(map(len, contest.runs.values()))),
        _compared([best, *(n for n in contest.runs if n != best)], 1) if isinstance(v, str) else _judged(v), reached,
        "not judged" if isinstance(v, str) else _over_scratch(site, contest, best),
        _time(contest, best),
    ]  # fmt: skip
    return Row(cells, contest.records)


def _where(data: str, link: str, network: str, seeds: int) -> str:
    """The data, which lead to the page, the network and how many seeds."""
    many = f"{seeds} seed{'s' if seeds > 1 else ''}" if seeds else ""
    return f"[{safe(data)}]({link}) " + ", ".join(filter(None, [safe(network), many]))


def _by_size(site: Site, name: str, found: list[Contest], title: str) -> Row:
    """Of contests by the number of training examples: what it is with the fewest, and with the most."""
    data, _, network = title.partition(": ")
    by_size = sorted(found, key=lambda c: shots.examples(c.first))
    ends = by_size[0], by_size[-1]
    low, high = (f"{shots.examples(c.first):,}" for c in ends)
    (first, worst), (last, best) = (_best(site, c) for c in ends)
    above = [_over_scratch(site, c, n) for c, n in zip(ends, (first, last), strict=True)]
    strategies = {s for c in found for s in c.runs}
    cells = [
        _where(data, site.link(name, "On " + data), network, max(map(len, ends[1].runs.values()))),
        f"{', then '.join(f'**`{safe(n)}`**' for n in dict.fromkeys((first, last)))}, of {len(strategies)} strategies "
        f"with {low} to {high} examples",
        f"{worst} to {best.rpartition(f'{score_name(found[0].first)} ')[2]}", ", then ".join(above),
        _time(ends[1], last),
    ]  # fmt: skip
    return Row(cells, [r for c in found for r in c.records])


def _best(site: Site, contest: Contest) -> tuple[str, str]:
    """(the best contestant as they were judged, or where they cannot be as the records say; its score in words)."""
    v = site.verdict(contest)
    by_record = max(contest.runs, key=lambda n: _goodness(contest.runs[n].values()))
    best = by_record if isinstance(v, str) else next(iter(v.reached))
    return best, _score(contest.runs[best].values())


def _goodness(runs: Iterable[Record]) -> float:
    """The mean test score, with its sign: higher is better."""
    values = [goodness(r, "test") for r in runs]
    return sum(values) / len(values)


def _score(runs: Iterable[Record]) -> str:
    runs = list(runs)
    return f"{score_name(runs[0])} {reached(runs)}"


def _compared(names: list[str], best: int) -> str:
    """Those that competed, the best first; of many how many they are."""
    first = f"**{', '.join(f'`{safe(n)}`' for n in names[:best])}**{' tie' if best > 1 else ''}"
    if best > FEW:
        first = f"**`{safe(names[0])}`** and {best - 1} more tie"
    rest = names[best:]
    if len(names) > FEW + 1:
        return f"{first}, of {len(names)} strategies"
    return ", ".join([first, *(f"`{safe(n)}`" for n in rest)])


def _judged(v: Verdict) -> str:
    names = list(v.reached)
    return _compared(names, len(next((t for t in v.ties if t[0] == names[0]), names[:1])))


def _over_scratch(site: Site, contest: Contest, best: str) -> str:
    """Points that the best is above scratch, with their interval; where scratch is best, that the next is below it."""
    if BASE not in contest.runs:
        return "no scratch"
    pairs = site.over_scratch(contest)
    other = max(pairs, key=lambda n: signed(pairs[n], BASE)[0], default=None) if best == BASE else best
    if other not in pairs:
        return "-"
    mean, low, high = (points(value, pairs[other].fractions) for value in signed(pairs[other], BASE))
    name, v = score_name(contest.first), site.verdict(contest)
    what = f" in {v.score_name}" if isinstance(v, Verdict) and v.score_name != name else ""
    return f"{f'`{safe(other)}` ' if best == BASE else ''}{mean} ({low} to {high}){what}"


def _time(contest: Contest, best: str) -> str:
    def seconds(name: str) -> str:
        values = [r["cost"].get("train_seconds") or 0.0 for r in contest.runs[name].values()]
        return f"{sum(values) / len(values):,.0f}"

    return seconds(best) + (f" (scratch {seconds(BASE)})" if BASE in contest.runs and best != BASE else "")


def _of_rest(site: Site, name: str, records: list[Record], found: list[Contest]) -> Iterable[Row]:
    """What competes with nothing alike: of a user's own runs each; else the best of a data set, if it is the best."""
    reached: dict[str, float] = {}
    for c in found:
        data = named(c.first["choices"])
        best = max(_goodness(by_seed.values()) for by_seed in c.runs.values())
        reached[data] = max(reached.get(data, best), best)
    for some in rows.of_experiment(records):
        if name == OWN:
            for runs in some.runs:
                yield _alone(site, name, some, runs, "")
        elif some.data not in reached or _is_above(some, reached):
            yield _alone(site, name, some, some.runs[0], f"{len(some.runs)} variants" if len(some.runs) > 1 else "")


def _is_above(some: rows.Rows, reached: dict[str, float]) -> bool:
    first = some.runs[0]
    return first[0]["status"] == "done" and _goodness(first) > reached[some.data]


def _alone(site: Site, name: str, some: rows.Rows, runs: list[Record], variants: str) -> Row:
    """A row of runs that compete with nothing alike, the best of some variants or all that there are."""
    first, c = runs[0], runs[0]["choices"]
    told = dict(
        zip((h.replace(" ", "_") for h in some.compared[0]), some.compared[1][some.runs.index(runs)], strict=True)
    )
    told = {"backbone" if k == "model" else k: v for k, v in told.items()}
    common = [k for k in ("backbone", "size", "budget") if c.get(k) and not (variants and k in told)]
    network = ", ".join(rows.said(k, worded(k, c[k])) for k in common)
    strategy = f"`{safe(c['strategy'])}`"
    hidden = {"seeds", *(("size",) if "members" in c else ())}
    tells = [rows.said(k, v) for k, v in told.items() if k not in hidden and v != "-"]
    best = ", ".join(tells) if variants and tells else strategy
    if first["status"] != "done":
        figures = [first["status"], "-", "-"]
    else:
        seconds = sum(r["cost"].get("train_seconds") or 0.0 for r in runs) / len(runs)
        figures = [_score(runs), "-", f"{seconds:,.0f}"]
    seeds = len(runs) if first["status"] == "done" else 0
    won = f"**{best}**{f', of {variants}' if variants else ''}" if seeds else variants or strategy
    cells = [_where(some.data, site.link(name, some.heading), network, seeds), won, *figures]
    return Row(cells, [r for of in some.runs for r in of] if variants else runs)
