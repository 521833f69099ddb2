"""What a source is worth: every strategy against scratch, same network, data, size and budget, paired by seed."""

from typing import Any

from tabulate import tabulate

from lab.data import hw
from lab.report.markdown import safe
from lab.report.table import alike, network
from lab.spec import digest
from lab.store import data_of
from lab.tasks import score

Record = dict[str, Any]
HEADS = ["data", "network", "against scratch", "seeds", "difference, points", "95 % interval", "verdict"]
APART = ("strategy", "seed", "weights", "weights_digest")  # what may differ within a pair


def against_scratch(records: list[Record]) -> str:
    """In Markdown: mean difference of the test score with Student's interval over seeds (two seeds or more)."""
    rows = [_row(*both) for both in pairs(records)]
    return (
        tabulate(rows, HEADS, tablefmt="github", disable_numparse=True) if rows else "No pairs with several seeds yet."
    )


def pairs(records: list[Record]) -> list[tuple[Record, list[float]]]:
    """(a record of the strategy, its differences in test score to scratch by seed)."""
    groups: dict[str, dict[str, dict[int, Record]]] = {}
    done = [r for r in records if r["status"] == "done" and "members" not in r["choices"]]
    for r in [*(r for r in done if "budget" in r["choices"]), *_beside(done)]:
        groups.setdefault(alike(r, APART), {}).setdefault(r["choices"]["strategy"], {})[r["choices"]["seed"]] = r
    found = []
    for strategies in groups.values():
        scratch = strategies.pop("scratch", {})
        for runs in strategies.values():
            seeds = sorted(set(runs) & set(scratch))
            if len(seeds) > 1:
                found.append((runs[seeds[0]], [score(runs[s], "test") - score(scratch[s], "test") for s in seeds]))
    return sorted(found, key=lambda f: (data_of(f[0]["choices"]), hw(f[0]["choices"]["size"]), -sum(f[1]) / len(f[1])))


def _beside(done: list[Record]) -> list[Record]:
    """Runs that need no training, with the training of the one group of runs from scratch that they are like."""
    scratch = [r["choices"] for r in done if r["choices"]["strategy"] == "scratch"]
    found = []
    for r in done:
        own = {k: v for k, v in r["choices"].items() if k not in APART}
        if "budget" not in own:
            beside = [{**c, **r["choices"]} for c in scratch if all(c.get(k) == v for k, v in own.items())]
            if len({digest({k: v for k, v in c.items() if k not in APART}) for c in beside}) == 1:
                found.append({**r, "choices": beside[0]})
    return found


def interval(differences: list[float]) -> tuple[float, float, float]:
    """(mean, low, high): Student's 95 % interval of a mean of paired differences."""
    import numpy as np
    from scipy import stats

    mean, error = float(np.mean(differences)), float(stats.sem(differences))
    low, high = stats.t.interval(0.95, len(differences) - 1, loc=mean, scale=error) if error else (mean, mean)
    return mean, float(low), float(high)


def _row(record: Record, differences: list[float]) -> list[str]:
    c, (mean, low, high) = record["choices"], interval(differences)
    verdict = "above" if low > 0 else "below" if high < 0 else "cannot be told apart"
    return [
        safe(data_of(c)), network(c), f"`{c['strategy']}`", str(len(differences)), points(mean),
        f"{points(low)} to {points(high)}", verdict,
    ]  # fmt: skip


def points(difference: float) -> str:
    """A difference of scores (fractions) in percentage points."""
    return f"{100 * difference:+.1f}"
