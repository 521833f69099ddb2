"""Which loss with which head: the test score of every pair, where an experiment crossed them."""

from typing import Any

import pandas as pd
from tabulate import tabulate

from lab.report.markdown import safe
from lab.report.table import alike, network
from lab.store import data_of

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
    cells = pd.DataFrame([{k: r["choices"][k] for k in CROSSED} | {"score": r["test"][SCORE]} for r in records])
    means = cells.groupby(["head", "loss"], sort=False)["score"].mean().unstack()
    best = means.max().max()
    rows = [
        [f"`{safe(str(head))}`", *("-" if pd.isna(v) else f"**{v:.3f}**" if v == best else f"{v:.3f}" for v in row)]
        for head, row in zip(means.index, means.to_numpy(), strict=True)
    ]
    first, seeds = records[0]["choices"], cells["seed"].nunique()
    about = (
        f"Test {CALLED} on {safe(data_of(first))}: {network(first, headed=False)}, "
        f"{first['strategy']}, {seeds} seed{'s' if seeds > 1 else ''}:"
    )
    return about + "\n\n" + tabulate(rows, ["head", *means.columns], tablefmt="github", disable_numparse=True)
