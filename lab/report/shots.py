"""What pretraining is worth with few examples: test score against the size of the training split, by strategy."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from lab.comparison.contestants import Contest
from lab.comparison.kept_verdicts import judge
from lab.drawing import look, subplots
from lab.records.store import data_of
from lab.report.margins import DRAWS, chance, points, repeated, signed
from lab.report.markdown import safe
from lab.report.table import network, spread, together
from lab.task import score, score_name

Record = dict[str, Any]
Runs = dict[int, Record]  # by seed
Curve = dict[int, Runs]  # by the number of training examples
# What is the same for all that stand in one comparison; probes have no batches, rates and budgets.
SAME = ("task", "data", "data_fingerprint", "drop_classes", "bands", "backbone", "size", "contrast")
BASE = "scratch"


def compared(records: list[Record]) -> Iterator[tuple[Record, dict[str, Curve]]]:
    """Yields (a run, {strategy: its curve}) of each comparison over several sizes of the training split."""
    for some in _groups(records):
        curves: dict[str, Curve] = {}
        for r in sorted(some, key=examples):
            by_size = curves.setdefault(r["choices"]["strategy"], {})
            by_size.setdefault(examples(r), {})[r["choices"]["seed"]] = r
        yield some[0], dict(sorted(curves.items(), key=lambda item: -_mean(item[1][max(item[1])])))


def others(records: list[Record]) -> list[Record]:
    """The runs that stand in no such comparison."""
    shown = {id(r) for some in _groups(records) for r in some}
    return [r for r in records if id(r) not in shown]


def _groups(records: list[Record]) -> list[list[Record]]:
    return [some for some in together(records, SAME) if len({r["choices"].get("shots") for r in some}) > 1]


def examples(record: Record) -> int:
    """How many examples a run was trained on."""
    return record["data"]["splits"]["train"]["examples"]


def table(root: Path, records: list[Record]) -> str:
    """In Markdown, a table a comparison, and the sentences that follow from it."""
    parts = []
    for first, curves in compared(records):
        sizes = sorted({size for curve in curves.values() for size in curve})
        best = {s: max(_mean(c[s]) for c in curves.values() if s in c) for s in sizes}
        rows = [[f"`{safe(s)}`", *(_cell(curve.get(n), best[n]) for n in sizes)] for s, curve in curves.items()]
        heads = ["strategy", *(f"{n:,} examples" for n in sizes)]
        about = f"{safe(data_of(first['choices']))}, {network(first['choices'])}, test {score_name(first)}, mean"
        about += f" ± deviation of {max(len(by) for curve in curves.values() for by in curve.values())} seeds:"
        made = tabulate(rows, heads, tablefmt="github", disable_numparse=True)
        parts.append("\n\n".join([about, made, said(root, curves)]))
    return "\n\n".join(parts) or "No strategies compared by the number of examples yet."


def said(root: Path, curves: dict[str, Curve]) -> str:
    """Where each strategy and scratch break even, and where pretraining hurts, a line each, in Markdown."""
    base = curves.get(BASE)
    if base is None:
        return f"Nobody trained from {BASE}, so what pretraining is worth is not known."
    others = {s: c for s, c in curves.items() if s != BASE and set(c) & set(base)}
    return "\n".join([*(_break_even(s, c, base) for s, c in others.items()), *_sure(root, others, base)])


def _break_even(strategy: str, curve: Curve, base: Curve) -> str:
    sizes = sorted(set(curve) & set(base))
    gaps = [_mean(curve[s]) - _mean(base[s]) for s in sizes]
    begin = f"- `{safe(strategy)}`"
    if gaps[0] <= 0:
        return f"{begin} is not above {BASE} with {sizes[0]:,} examples, the fewest."
    for i, gap in enumerate(gaps):
        if gap <= 0:
            way = gaps[i - 1] / (gaps[i - 1] - gap)
            size = np.exp(np.interp(way, [0, 1], np.log([sizes[i - 1], sizes[i]])))
            return f"{begin} and {BASE} break even at about {float(f'{size:.2g}'):,.0f} examples."
    return f"{begin} is above {BASE} with every number of examples; by {100 * gaps[-1]:.1f} points with {sizes[-1]:,}."


def _sure(root: Path, others: dict[str, Curve], base: Curve) -> list[str]:
    """What is judged with each number of examples, the strategies against scratch: ties, and what is below."""
    ties: list[str] = []
    lines: list[str] = []
    each = {n: {BASE: runs} | {s: c[n] for s, c in others.items() if n in c} for n, runs in sorted(base.items())}
    found = {n: repeated(Contest("strategy", runs), BASE) for n, runs in each.items()}
    found = {n: contest for n, contest in found.items() if len(contest.runs) > 1}
    for size, v in zip(found, judge(root, list(found.values()), DRAWS), strict=True):
        for pair in v.pairs:
            mean, low, high = signed(pair, BASE)
            if not pair.counts:
                ties.append(f"`{safe(pair.better if pair.worse == BASE else pair.worse)}` with {size:,}")
            elif mean < 0:
                lines.append(
                    f"- Negative transfer: `{safe(pair.worse)}` with {size:,} examples is {-100 * mean:.1f} points "
                    f"below {BASE} (95 % interval {points(low)} to {points(high)}, p {chance(pair.p)})."
                )
    if ties:
        lines.append(f"- Cannot be told apart from {BASE}: {', '.join(ties)} examples.")
    negative = any("Negative" in line for line in lines)
    return lines if negative else [*lines, f"- Nothing is surely below {BASE}: no negative transfer is seen."]


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) for every comparison."""
    for first, curves in compared(records):
        c = first["choices"]
        numbers = [[s, [[n, *sorted(_scores(by))] for n, by in curve.items()]] for s, curve in curves.items()]
        data = data_of(c).partition("(")[0]
        name = f"shots/{first['experiment']}-{data}-{c['backbone'].partition('(')[0]}-{c['size']}px.png"
        yield name, numbers, partial(_draw, numbers, score_name(first), f"{data}, {c['backbone']}")


def _scores(by_seed: Runs) -> list[float]:
    return [score(r, "test") for r in by_seed.values()]


def _mean(by_seed: Runs) -> float:
    return float(np.mean(_scores(by_seed)))


def _cell(by_seed: Runs | None, best: float) -> str:
    if by_seed is None:
        return "-"
    text = spread(_scores(by_seed))
    return f"**{text}**" if _mean(by_seed) == best else text


def _draw(numbers: list[list], score: str, title: str) -> Any:
    figure, axes = subplots(1, 1, width=7.5, height=4.8)
    axis = axes[0, 0]
    for i, (strategy, by_size) in enumerate(numbers):
        sizes, values = [of[0] for of in by_size], [of[1:] for of in by_size]
        style = look(i) | ({"color": "black"} if strategy == BASE else {})
        axis.plot(sizes, [np.mean(v) for v in values], label=strategy, **style)
        low, high = [min(v) for v in values], [max(v) for v in values]
        axis.fill_between(sizes, low, high, color=style["color"], alpha=0.12, lw=0)
    axis.set(xscale="log", xlabel="training examples", ylabel=f"test {score}", title=title)
    counts = sorted({of[0] for _, by_size in numbers for of in by_size})
    axis.set_xticks(counts, [f"{n:,}" for n in counts])
    axis.minorticks_off()
    figure.legend(loc="outside right upper", title="mean; lowest to highest seed")
    return figure
