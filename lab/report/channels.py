"""Which way for the bands into the network: the test score of every policy that an experiment compared."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from tabulate import tabulate

from lab.drawing import dots, subplots
from lab.report.margins import interval
from lab.report.markdown import safe
from lab.report.table import alike, network, spread
from lab.store import data_of
from lab.tasks import score, score_name

Record = dict[str, Any]
APART = ("channels", "bands", "augment", "strategy", "weights", "weights_digest", "seed")  # what may differ in a table
RGB = ("select", "none")  # the policy and the augmentation that all else is compared with
HEADS = ["bands and policy", "strategy", "augment", "seeds", "against RGB only, points", "95 % interval"]


def compared(records: list[Record]) -> Iterator[tuple[Record, dict[tuple[str, str, str], dict[int, float]]]]:
    """Yields (a run, {(policy, strategy, augmentation): test scores by seed}) of each comparison, the best first."""
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
        found: dict[tuple[str, str, str], dict[int, float]] = {}
        for r in [*some, *joint]:
            found.setdefault(_key(r, some), {})[r["choices"]["seed"]] = score(r, "test")
        yield some[0], dict(sorted(found.items(), key=lambda item: -np.mean(list(item[1].values()))))


def policies(records: list[Record]) -> str:
    """In Markdown, a table a comparison: mean and deviation over seeds, and what it is above RGB only, seed by seed."""
    parts = []
    for first, found in compared(records):
        base = _base(found)
        name = score_name(first)
        rows = [
            [
                f"`{safe(policy)}`",
                strategy,
                augment,
                str(len(by_seed)),
                spread(list(by_seed.values())),
                *_against(by_seed, base),
            ]
            for (policy, strategy, augment), by_seed in found.items()
        ]
        heads = [*HEADS[:4], f"test {name}", *HEADS[4:]]
        about = f"{safe(data_of(first['choices']))}: {network(first['choices'])}:"
        parts.append(about + "\n\n" + tabulate(rows, heads, tablefmt="github", disable_numparse=True))
    return "\n\n".join(parts) or "No policies compared yet."


def pictures(records: list[Record]) -> Iterator[tuple[str, Any, Any]]:
    """(file name below img/, numbers, how to draw) for every comparison."""
    for first, found in compared(records):
        c = first["choices"]
        numbers = [[", ".join(key), sorted(by_seed.values())] for key, by_seed in found.items()]
        data = data_of(c).partition("(")[0]
        yield (
            f"channels/{first['experiment']}-{data}.png",
            numbers,
            partial(_draw, numbers, score_name(first), data),
        )


def _key(record: Record, among: list[Record]) -> tuple[str, str, str]:
    c = record["choices"]
    if "members" in record:
        of = {r["name"]: r["choices"] for r in among}
        return f"{c['strategy']} of {' + '.join(sorted({of[n]['channels'] for n in record['members']}))}", "-", "-"
    differ = len({r["choices"].get("bands") for r in among}) > 1
    given = f" of {c['bands'] or 'all bands'}" if differ else ""
    return c["channels"] + given, c["strategy"], c.get("augment", "-")


def _base(found: dict[tuple[str, str, str], dict[int, float]]) -> dict[int, float]:
    """The scores of a source's network on red, green and blue only; {} where nobody trained one."""
    policies = {key: scores for key, scores in found.items() if (key[0], key[2]) == RGB and key[1] != "scratch"}
    return next(iter(policies.values()), {})


def _against(by_seed: dict[int, float], base: dict[int, float]) -> list[str]:
    seeds = sorted(set(by_seed) & set(base))
    if len(seeds) < 2 or by_seed is base:
        return ["-", "-"]
    mean, low, high = interval([by_seed[s] - base[s] for s in seeds])
    return [f"{100 * mean:+.1f}", f"{100 * low:+.1f} to {100 * high:+.1f}"]


def _draw(numbers: list[list], score: str, data: str) -> Any:
    figure, axes = subplots(1, 1, width=8, height=1.2 + 0.3 * len(numbers))
    axis = axes[0, 0]
    dots(axis, [label for label, _ in numbers], [values for _, values in numbers])
    axis.set(xlabel=f"test {score}: each seed, and their mean")
    figure.suptitle(f"{data}: {score} by policy for the bands", fontsize=11)
    return figure
