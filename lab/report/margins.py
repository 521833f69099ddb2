"""What a source is worth: every strategy against scratch, same network, data, size and budget, paired."""

from pathlib import Path
from typing import Any

from lab.comparison.contestants import Contest, alike
from lab.comparison.kept_verdicts import judge
from lab.comparison.verdict import Pair, Verdict
from lab.inputs.data import hw
from lab.records.store import data_of
from lab.report.markdown import safe, table
from lab.report.table import network, told_apart

Record = dict[str, Any]
HEADS = ["data", "network", "against scratch", "seeds", "score", "points", "95 % interval", "p", "verdict"]
BASE = "scratch"
APART = ("strategy", "weights")  # what differs within a comparison, not between two
SMALLEST = 1e-4  # p below it is said to be below it
DRAWS = 2000  # resamples of the test examples: enough for tenths of a point


def against_scratch(root: Path, records: list[Record]) -> str:
    """In Markdown: the mean difference of the test score, of strategies that have two seeds or more with scratch."""
    found = [c for c in (repeated(c, BASE) for c in alike(records, "strategy")) if len(c.runs) > 1]
    verdicts = judge(root, found, DRAWS)
    firsts = [c.first for c in found]
    names = told_apart([f"{data_of(r['choices'])}: {network(r['choices'])}" for r in firsts], firsts, APART)
    ordered = sorted(zip(verdicts, names, strict=True), key=lambda of: _order(of[0]))
    rows = [
        _row(v, pair, name.removeprefix(f"{data_of(v.contest.first['choices'])}: "))
        for v, name in ordered
        for pair in sorted(v.pairs, key=lambda p: -signed(p, BASE)[0])
    ]
    return table(rows, HEADS) if rows else "No pairs with several seeds yet."


def repeated(contest: Contest, base: str) -> Contest:
    """Those that have two seeds or more in common with a contestant, and that one, with which each is compared."""
    seeds = set(contest.runs.get(base, {}))
    return Contest(contest.axis, {n: runs for n, runs in contest.runs.items() if len(set(runs) & seeds) > 1}, base)


def signed(pair: Pair, base: str) -> tuple[float, float, float]:
    """(mean, low, high) of how much the other is above the base."""
    d = pair.difference
    return (d.mean, d.low, d.high) if pair.worse == base else (-d.mean, -d.high, -d.low)


def judged(pair: Pair, base: str) -> list[str]:
    """How the other compares with the base: points, 95 % interval, p, verdict."""
    mean, low, high = signed(pair, base)
    verdict = ("above" if pair.worse == base else "below") if pair.counts else "cannot be told apart"
    told = [points(value, pair.fractions) for value in (mean, low, high)]
    return [told[0], f"{told[1]} to {told[2]}", chance(pair.p), verdict]


def _order(v: Verdict) -> tuple:
    c = v.contest.first["choices"]
    return data_of(c), hw(c["size"])


def _row(v: Verdict, pair: Pair, name: str) -> list[str]:
    data, other = data_of(v.contest.first["choices"]), pair.better if pair.worse == BASE else pair.worse
    seeds = str(len(pair.difference.seeds))
    return [safe(data), safe(name), f"`{other}`", seeds, v.score_name, *judged(pair, BASE)]


def points(difference: float, fractions: bool = True) -> str:
    """A difference of scores: of fractions in percentage points, of others in their own unit."""
    if fractions:
        return f"{100 * difference:+.1f}"
    return f"{difference:+,.0f}" if abs(difference) >= 1000 else f"{difference:+.3g}"


def chance(p: float) -> str:
    """A p as text."""
    return f"< {SMALLEST:g}" if p < SMALLEST else f"{p:.2g}"
