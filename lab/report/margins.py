"""What a source is worth: every strategy against scratch, same network, data, size and budget, paired."""

from pathlib import Path
from typing import Any

from tabulate import tabulate

from lab.contestants import Contest, alike
from lab.data import hw
from lab.report.markdown import safe
from lab.report.table import network, told_apart
from lab.store import data_of
from lab.verdict import Pair, Verdict, judge

Record = dict[str, Any]
HEADS = ["data", "network", "against scratch", "seeds", "score", "points", "95 % interval", "p", "verdict"]
BASE = "scratch"
APART = ("strategy", "weights")  # what differs within a comparison, not between two
SMALLEST = 1e-4  # p below it is said to be below it
DRAWS = 2000  # resamples of the test examples: enough for tenths of a point


def against_scratch(root: Path, records: list[Record]) -> str:
    """In Markdown: the mean difference of the test score, of strategies that have two seeds or more with scratch."""
    found = [c for c in map(_repeated, alike(records, "strategy")) if len(c.runs) > 1]
    judged = [judge(root, c, DRAWS, BASE) for c in found]
    firsts = [c.first for c in found]
    names = told_apart([f"{data_of(r['choices'])}: {network(r['choices'])}" for r in firsts], firsts, APART)
    ordered = sorted(zip(judged, names, strict=True), key=lambda of: _order(of[0]))
    rows = [
        _row(v, pair, name.removeprefix(f"{data_of(v.contest.first['choices'])}: "))
        for v, name in ordered
        for pair in sorted(v.pairs, key=lambda p: -_signed(p))
    ]
    return (
        tabulate(rows, HEADS, tablefmt="github", disable_numparse=True) if rows else "No pairs with several seeds yet."
    )


def _repeated(contest: Contest) -> Contest:
    """Those that have two seeds or more in common with scratch, and scratch."""
    base = contest.runs.get(BASE, {})
    return Contest(contest.axis, {n: runs for n, runs in contest.runs.items() if len(set(runs) & set(base)) > 1})


def _signed(pair: Pair) -> float:
    return pair.difference.mean if pair.worse == BASE else -pair.difference.mean


def _order(v: Verdict) -> tuple:
    c = v.contest.first["choices"]
    return data_of(c), hw(c["size"])


def _row(v: Verdict, pair: Pair, name: str) -> list[str]:
    d, above, data = pair.difference, pair.worse == BASE, data_of(v.contest.first["choices"])
    low, high = (d.low, d.high) if above else (-d.high, -d.low)
    verdict = ("above" if above else "below") if pair.counts else "cannot be told apart"
    return [
        safe(data), safe(name), f"`{pair.better if above else pair.worse}`", str(len(d.seeds)), v.score_name,
        points(_signed(pair)), f"{points(low)} to {points(high)}", chance(pair.p), verdict,
    ]  # fmt: skip


def interval(differences: list[float]) -> tuple[float, float, float]:
    """(mean, low, high): Student's 95 % interval of a mean of paired differences."""
    import numpy as np
    from scipy import stats

    mean, error = float(np.mean(differences)), float(stats.sem(differences))
    low, high = stats.t.interval(0.95, len(differences) - 1, loc=mean, scale=error) if error else (mean, mean)
    return mean, float(low), float(high)


def points(difference: float) -> str:
    """A difference of scores (fractions) in percentage points."""
    return f"{100 * difference:+.1f}"


def chance(p: float) -> str:
    """A p as text."""
    return f"< {SMALLEST:g}" if p < SMALLEST else f"{p:.2g}"
