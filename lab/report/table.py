"""Tables of results: one row for each group of runs that differ by their seed only."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from tabulate import tabulate

from lab.store import data_of

Record = dict[str, Any]

FIGURES: dict[str, Callable[[Record], float | None]] = {
    "test accuracy": lambda r: r["test"]["accuracy"],
    "test loss": lambda r: r["test"]["loss"],
    "train accuracy": lambda r: r["train"]["accuracy"],
    "train loss": lambda r: r["train"]["loss"],
    "time s": lambda r: r["cost"]["train_seconds"],
}
PLACES = {"test accuracy": 3, "test loss": 2, "train accuracy": 3, "train loss": 2, "time s": 0}
BEST = {"test accuracy": max, "test loss": min}


def results(records: Iterable[Record]) -> str:
    """The main table, in Markdown: mean and standard deviation over seeds, the best of each data set in bold."""
    frame = grouped(records)
    if frame.empty:
        return "No records yet: `python -m lab.run` makes the first."
    best = _best(frame)
    rows = [
        [*(safe(row[c]) for c in LABELS), *(_cell(row, c, i in best[c]) for c in FIGURES)]
        for i, row in frame.iterrows()
    ]
    return tabulate(rows, [*LABELS, *FIGURES], tablefmt="github", disable_numparse=True)


def findings(records: Iterable[Record]) -> str:
    """What the checks found wrong in recorded runs, in Markdown: a line for each finding, and the runs that have it."""
    runs: dict[str, list[str]] = {}
    for r in records:
        for f in r.get("findings", []) if r["status"] == "done" else []:
            runs.setdefault(f["what"], []).append(r["name"])
    lines = [
        f"- {safe(what)}: `{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for what, names in runs.items()
    ]
    return "\n".join(lines) or "Nothing."


LABELS = ("model", "data", "strategy", "size", "seeds")


def grouped(records: Iterable[Record]) -> pd.DataFrame:
    """One row a group: labels, and each figure's list of values over seeds; by data set, then best first."""
    groups: dict[tuple, list[Record]] = {}
    for r in records:
        groups.setdefault((r["experiment"], r["group"], r["status"]), []).append(r)
    if not groups:
        return pd.DataFrame()
    frame = pd.DataFrame([_row(runs) for runs in groups.values()])
    for _, alike in frame.groupby(["model", "data", "strategy", "size"], sort=False):
        if len(alike) > 1:
            for i, note in zip(alike.index, _differences(list(alike["first"])), strict=True):
                frame.loc[i, "model"] += f", {note}"
    frame["order"] = [-_mean(v) if v else 0.0 for v in frame["test accuracy"]]
    return frame.sort_values(["data", "order", "model", "strategy"], kind="stable").reset_index(drop=True)


def _differences(firsts: list[Record]) -> list[str]:
    """What tells runs apart whose rows would read the same: the choices that differ, or else the experiments."""
    keys = sorted({k for r in firsts for k in r["choices"]} - {"seed", "weights_digest", "recipe", "data"})
    apart = [k for k in keys if len({str(r["choices"].get(k)) for r in firsts}) > 1]
    if not apart:
        return [f"in {r['experiment']}" for r in firsts]
    return [", ".join(f"{k.replace('_', ' ')} {r['choices'].get(k)}" for k in apart) for r in firsts]


def _row(runs: list[Record]) -> dict[str, Any]:
    first = runs[0]
    c, done = first["choices"], first["status"] == "done"
    model = first["label"] or " ".join([c["backbone"], *([c["head"]] if c["head"] not in ("linear", "source") else [])])
    alone = c["weights"] == "none" and (c["strategy"] == "scratch" or "members" in c)
    notes = [] if alone else [f"from {c['weights']}"]
    notes += [f"--bn {c['bn']}"] if c.get("bn", "sound") != "sound" else []
    notes += [c["precision"]] if c["precision"] != "float32" else []
    data = data_of(c) + (f" (limit {c['limit']})" if c["limit"] else "")
    return {
        "model": f"{model}, {', '.join(notes)}" if notes else model,
        "data": data,
        "strategy": c["strategy"],
        "size": f"{c['size']} px" if c["size"] else "mixed",
        "seeds": str(len(runs)) if done else first["status"],
        "first": first,
        **{name: [figure(r) for r in runs] if done else [] for name, figure in FIGURES.items()},
    }


def _best(frame: pd.DataFrame) -> dict[str, set]:
    """For each figure that has a best, the rows that have it within their data set."""
    found: dict[str, set] = {name: set() for name in FIGURES}
    for _, part in frame.groupby("data", sort=False):
        for name, choose in BEST.items():
            values = {i: round(_mean(v), PLACES[name]) for i, v in part[name].items() if v}
            if len(values) > 1:
                best = choose(values.values())
                found[name] |= {i for i, v in values.items() if v == best}
    return found


def _cell(row: pd.Series, name: str, best: bool) -> str:
    values = row[name]
    if not values:
        return "-"
    text = f"{_mean(values):.{PLACES[name]}f}"
    if len(values) > 1:
        text += f" ± {pd.Series(values).std():.{PLACES[name]}f}"
    return f"**{text}**" if best else text


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def network(choices: dict[str, Any]) -> str:
    """Backbone, size and budget of a run, as other tables name them."""
    words = [choices["backbone"], f"{choices['size']} px"]
    if "budget" in choices:
        words.append(re.sub(r"(?<=\d)(?=[a-z])", " ", choices["budget"]))
    return safe(", ".join(words))


def safe(text: str) -> str:
    """No cell can end its own column, or hold HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
