"""Which way for the bands into the network: the test score of every policy that an experiment compared."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from lab.comparison.contestants import Contest
from lab.comparison.kept_verdicts import judge
from lab.drawing import dots, subplots
from lab.records.store import data_of
from lab.report.margins import DRAWS, judged, repeated
from lab.report.markdown import safe
from lab.report.table import alike, network, spread
from lab.task import score, score_name

Record = dict[str, Any]
Key = tuple[str, str, str]  # policy, strategy, augmentation
APART = ("channels", "bands", "augment", "strategy", "weights", "weights_digest", "seed")  # what may differ in a table
RGB = ("select", "none")  # the policy and the augmentation that all else is compared with
HEADS = ["bands and policy", "strategy", "augment", "seeds"]


def compared(records: list[Record]) -> Iterator[tuple[Record, dict[Key, dict[int, Record]]]]:
    """Yields (a run, {(policy, strategy, augmentation): runs by seed}) of each comparison, the best first."""
    groups: dict[str, list[Record]] = {}
    done = [r for r in records if r["status"] == "done"]
    for r in done:
        if "channels" in r["choices"]:
            groups.setdefault(alike(r, APART), []).append(r)
    for some in groups.values():
        if len({r["choices"]["channels"] for r in some}) < 2:
            continue
        names = {r["name"] for r in some}
        joint = [r for r in done if "members" in r and set(r["members"]) <= names]
        found: dict[Key, dict[int, Record]] = {}
        for r in [*some, *joint]:
            found.setdefault(_key(r, some), {})[r["choices"]["seed"]] = r
        yield some[0], dict(sorted(found.items(), key=lambda item: -np.mean(_scores(item[1]))))


def policies(root: Path, records: list[Record]) -> str:
    """In Markdown, a table a comparison: mean and deviation over seeds, and how it compares with RGB only."""
    parts = []
    for first, found in compared(records):
        called, against = _against(root, found)
        rows = [
            [f"`{safe(key[0])}`", *key[1:], str(len(by_seed)), spread(_scores(by_seed)), *against.get(key, ["-"] * 4)]
            for key, by_seed in found.items()
        ]
        points = f"against RGB only, points of {called}"
        heads = [*HEADS, f"test {score_name(first)}", points, "95 % interval", "p", "verdict"]
        about = f"{safe(data_of(first['choices']))}: {network(first['choices'])}:"
        parts.append(about + "\n\n" + tabulate(rows, heads, tablefmt="github", disable_numparse=True))
    return "\n\n".join(parts) or "No policies compared yet."


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) for every comparison."""
    for first, found in compared(records):
        c = first["choices"]
        numbers = [[_label(key), sorted(_scores(by_seed))] for key, by_seed in found.items()]
        data = data_of(c).partition("(")[0]
        yield (
            f"channels/{first['experiment']}-{data}.png",
            numbers,
            partial(_draw, numbers, score_name(first), data),
        )


def _key(record: Record, among: list[Record]) -> Key:
    c = record["choices"]
    if "members" in record:
        of = {r["name"]: r["choices"] for r in among}
        return f"{c['strategy']} of {' + '.join(sorted({of[n]['channels'] for n in record['members']}))}", "-", "-"
    differ = len({r["choices"].get("bands") for r in among}) > 1
    given = f" of {c['bands'] or 'all bands'}" if differ else ""
    return c["channels"] + given, c["strategy"], c.get("augment", "-")


def _label(key: Key) -> str:
    policy, strategy, augment = key
    return policy if strategy == "-" else f"{policy}, {strategy}, augment {augment}"


def _scores(by_seed: dict[int, Record]) -> list[float]:
    return [score(r, "test") for r in by_seed.values()]


def _against(root: Path, found: dict[Key, dict[int, Record]]) -> tuple[str, dict[Key, list[str]]]:
    """(what the score is called, cells of each) of those that have two seeds or more with a source's network on red,
    green and blue only; nothing where nobody trained one.
    """
    keys = {", ".join(key): key for key in found}
    base = next((n for n, key in keys.items() if (key[0], key[2]) == RGB and key[1] != "scratch"), "")
    contest = repeated(Contest(None, {n: found[key] for n, key in keys.items()}), base)
    if len(contest.runs) < 2:
        return "the score", {}
    (v,) = judge(root, [contest], DRAWS)
    others = {p.better if p.worse == base else p.worse: p for p in v.pairs}
    return v.score_name, {keys[n]: judged(p, base) for n, p in others.items()}


def _draw(numbers: list[list], score: str, data: str) -> Any:
    figure, axes = subplots(1, 1, width=8, height=1.2 + 0.3 * len(numbers))
    axis = axes[0, 0]
    dots(axis, [label for label, _ in numbers], [values for _, values in numbers])
    axis.set(xlabel=f"test {score}: each seed, and their mean")
    figure.suptitle(f"{data}: {score} by policy for the bands", fontsize=11)
    return figure
