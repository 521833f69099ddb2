"""A judged contest as text: the contestants, their differences, what cannot be told apart."""

from typing import Any

from tabulate import tabulate

from lab.comparison.contestants import IMPLIED
from lab.comparison.paired import needed
from lab.comparison.verdict import Pair, Verdict, within
from lab.records.store import data_of
from lab.report.margins import chance, points
from lab.report.table import network, spread, told_apart

FEW = 4  # contestants of which all pairs are shown


def titles(judged: list[Verdict]) -> list[str]:
    """What each contest was on: experiment, data, network, seeds, test examples; and what tells it from the others."""
    axes = {str(v.contest.axis) for v in judged}
    implied = {choice for axis in axes for choice in IMPLIED.get(axis, ())}
    return told_apart([_title(v) for v in judged], [v.contest.first for v in judged], axes | implied | {"weights"})


def _title(v: Verdict) -> str:
    first, seeds = v.contest.first, sorted({s for by in v.contest.runs.values() for s in by})
    c, many = first["choices"], f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''}"
    what = data_of(c) if v.contest.axis is None else f"{data_of(c)}, {network(c, but=v.contest.axis)}"
    if v.contest.axis not in (None, "strategy"):
        what += f", {c['strategy']}"
    return f"{first['experiment']}: {what}; test {v.score_name} on {v.examples:,} examples, {many}"


def contestants(v: Verdict, budgets: dict[str, dict[str, Any]] | None = None, style: str = "simple") -> str:
    """A row each, the best first: score, place, cost; * where no other is better in less time."""
    budgets = budgets or {}
    heads = [
        v.contest.axis or "run",
        v.score_name,
        *([] if v.contest.base else ["place"]),
        *(f"val within {b}" for b in budgets),
    ]
    rows, places = [], 3 if all(p.fractions for p in v.pairs) else None
    for name in v.reached:
        runs = list(v.contest.runs[name].values())
        rows.append([
            name, spread(v.scores(name), places), *([] if v.contest.base else [_place(*v.rank(name))]),
            *(_reached(runs, limit) for limit in budgets.values()),
            *(f"{v.cost(name, what):,.0f}" for what in ("train_seconds", "train_cpu_seconds")),
            f"{runs[0]['net']['trained']:,}", f"{v.cost(name, 'peak_memory_mb'):,.0f}", "*" if name in v.front else "",
        ])  # fmt: skip
    return _table(rows, [*heads, "time s", "CPU s", "trained", "MB", "front"], style)


def _place(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def differences(v: Verdict, every: bool = False, style: str = "simple") -> str:
    """A row a pair: of all pairs where they are few, or with `every`; else the best against each."""
    every = every or v.contest.base is not None or len(v.reached) <= FEW
    best = next(n for n in v.reached if any(n in (p.better, p.worse) for p in v.pairs))  # of those that are paired
    shown = [p for p in v.pairs if every or best in (p.better, p.worse)]
    changed = ["higher", "lower"] if shown[0].mcnemar is None else ["fixed", "broken", "McNemar p"]
    heads = [
        "better",
        "worse",
        "points" if shown[0].fractions else "difference",
        "95 % interval",
        "p (Holm)",
        *changed,
        "verdict",
    ]
    return _table([[*_row(p), _word(p, v)] for p in shown], heads, style)


def _row(p: Pair) -> list[str]:
    d, n = p.difference, len(p.fixed)
    mean, low, high = (points(value, p.fractions) for value in (d.mean, d.low, d.high))
    return [
        p.better, p.worse, mean, f"{low} to {high}", chance(p.p),
        f"{sum(p.fixed) / n:,.0f}", f"{sum(p.broken) / n:,.0f}",
        *([] if p.mcnemar is None else [" to ".join(dict.fromkeys(map(chance, (min(p.mcnemar), max(p.mcnemar)))))]),
    ]  # fmt: skip


def _word(p: Pair, v: Verdict) -> str:
    if not p.counts:
        return "tie"
    return "better" if v.noise.freedom else "better, of one seed"


def said(v: Verdict) -> str:
    """Sentences: what cannot be told apart, and what would tell; on what it rests."""
    lines = []
    for tied in v.ties:
        pair, few = v.pair(tied[0], tied[-1]), len(tied) == 2
        whom = "would tell them apart" if few else f"would tell {tied[0]} from {tied[-1]}"
        lines.append(f"{', '.join(tied[:-1])} and {tied[-1]} cannot be told apart; {_wanted(pair, v)} {whom}.")
    if v.noise.freedom:
        fractions = all(p.fractions for p in v.pairs)
        moved = points(v.noise.deviation, fractions).lstrip("+") + " points" * fractions
        lines.append(f"A seed moves a score by {moved} (standard deviation, of {v.noise.freedom} degrees of freedom).")
    else:
        lines.append("One seed each: the verdicts hold for these networks on such examples, not for other seeds.")
    if v.contest.axis is None and (apart := v.contest.apart):
        lines.append(f"The runs differ in {', '.join(apart)}.")
    return "\n".join(lines)


def _wanted(pair: Pair, v: Verdict) -> str:
    d = pair.difference
    if not d.mean:
        return "no number of seeds or examples"
    seeds, times = needed(d, v.noise, len(v.pairs))
    if v.noise.freedom and seeds is not None:
        more = max(1, seeds - len(d.seeds))
        return f"about {more:,} more seed{'s' if more > 1 else ''}"
    many = f"about {float(f'{times * v.examples:.2g}'):,.0f} test examples"
    return many if v.noise.freedom else f"{many} (and more than one seed)"


def _reached(runs: list[dict[str, Any]], limit: dict[str, Any]) -> str:
    values = [value for r in runs if (value := within(r, **limit)) is not None]
    return spread(values) if values else "-"


def _table(rows: list[list[str]], heads: list[str], style: str) -> str:
    return tabulate(rows, heads, tablefmt=style, disable_numparse=True)
