"""Strategies that competed: places, what each is above scratch or the best, what cannot be told apart."""

from dataclasses import replace
from functools import partial

import msgspec

from lab.comparison import paired
from lab.comparison import verdict as judges
from lab.comparison.contestants import Contest
from lab.comparison.verdict import Pair, Verdict
from lab.report import once
from lab.report import verdict as text
from lab.report.margins import BASE, chance, points, signed
from lab.report.markdown import safe, table
from lab.report.site import Site
from lab.report.table import spread


def verdict(site: Site, contest: Contest) -> str:
    """In Markdown: a row a contestant, the best first, and what the differences mean."""
    v = site.verdict(contest)
    if isinstance(v, str):
        return safe(v[0].upper() + v[1:]) + "."
    pairs, base = site.over_scratch(contest), BASE
    if not pairs:
        base = next(iter(v.reached))
        pairs = {(p.better if p.worse == base else p.worse): p for p in v.pairs if base in (p.better, p.worse)}
    rows = [_row(v, name, pairs.get(name), base) for name in v.reached]
    heads = [
        str(contest.axis),
        f"test {v.score_name}",
        "place",
        "points above scratch" if base == BASE else "points against the best",
        "95 % interval",
        "p",
        "time s",
        "trained",
    ]
    return table(rows, heads) + "\n\n" + safe(_said(site, v)).replace("\n", " ")


def _said(site: Site, v: Verdict) -> str:
    """What cannot be told apart, and what would tell: for how many seeds takes a while to find."""
    bare = replace(v, contest=Contest(v.contest.axis, {}, v.contest.base))
    given = [msgspec.to_builtins(bare, str_keys=True), v.contest.apart if v.contest.axis is None else []]
    return once.made(site.root, given, partial(text.said, v), text, paired, judges)


def _row(v: Verdict, name: str, pair: Pair | None, base: str) -> list[str]:
    first, last = v.rank(name)
    runs = list(v.contest.runs[name].values())
    cells = ["-", "-", "-"]
    if pair:
        mean, low, high = signed(pair, base)
        told = [points(value, pair.fractions) for value in (mean, low, high)]
        cells = [told[0], f"{told[1]} to {told[2]}", chance(pair.p) + ("" if pair.counts else ", a tie")]
    place = str(first) if first == last else f"{first} to {last}"
    return [
        f"`{safe(name)}`", spread(v.scores(name)), place, *cells, f"{v.cost(name, 'train_seconds'):,.0f}",
        f"{runs[0].get('net', {}).get('trained', 0):,}",
    ]  # fmt: skip
