"""Which loss with which head: the test score of every pair, where an experiment crossed them."""

from typing import Any

from tabulate import tabulate

from lab.records.store import data_of
from lab.report.markdown import safe
from lab.report.table import alike, network

Record = dict[str, Any]
SCORE, CALLED = "mdice", "mDice"
CROSSED = ("head", "loss", "seed")  # what may differ within a table


def crossed(records: list[Record]) -> str:
    """In Markdown, a table an experiment: a row a head, a column a loss; means over seeds, the best in bold."""
    groups: dict[str, list[Record]] = {}
    for r in records:
        c = r["choices"]
        if r["status"] == "done" and c["task"] == "segmentation" and "loss" in c:
            groups.setdefault(alike(r, CROSSED), []).append(r)
    tables = [
        _table(some) for some in groups.values() if all(len({r["choices"][k] for r in some}) > 1 for k in CROSSED[:2])
    ]
    return "\n\n".join(tables) or "No heads crossed with losses yet."


def _table(records: list[Record]) -> str:
    scores: dict[tuple[str, str], list[float]] = {}
    for r in records:
        scores.setdefault((r["choices"]["head"], r["choices"]["loss"]), []).append(r["test"][SCORE])
    means = {pair: sum(of) / len(of) for pair, of in scores.items()}
    heads, losses = (list(dict.fromkeys(names)) for names in zip(*means, strict=True))
    best = max(means.values())
    rows = [[f"`{safe(head)}`", *(_cell(means.get((head, loss)), best) for loss in losses)] for head in heads]
    first, seeds = records[0]["choices"], len({r["choices"]["seed"] for r in records})
    about = (
        f"Test {CALLED} on {safe(data_of(first))}: {network(first, headed=False)}, "
        f"{first['strategy']}, {seeds} seed{'s' if seeds > 1 else ''}:"
    )
    return about + "\n\n" + tabulate(rows, ["head", *losses], tablefmt="github", disable_numparse=True)


def _cell(mean: float | None, best: float) -> str:
    return "-" if mean is None else f"**{mean:.3f}**" if mean == best else f"{mean:.3f}"
