"""Groups of runs that differ by their seed only, and the figures that tables show of them."""

import math
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from lab import names
from lab.errors import BadInput
from lab.files import digest
from lab.records.store import data_of, model_of
from lab.report.markdown import safe
from lab.runs.spec import LATER, RECIPE
from lab.task import kind, kind_of, score

Record = dict[str, Any]


STALE = ", stale"  # behind how many seeds: trained by another recipe than today's
HUGE = 1e7  # a number that is written with its power of ten from here on


class Figure(NamedTuple):
    """A column: its value of a record, its decimal places, and which end of it is good."""

    of: Callable[[Record], float | None]
    places: int | None
    best: Callable | None = None


def _measured(split: str, name: str, places: int | None, best: Callable | None = None) -> Figure:
    return Figure(lambda r: r[split][name], places, best)


def _cost(name: str, places: int, best: Callable | None = None) -> Figure:
    return Figure(lambda r: r["cost"].get(name), places, best)


def _inference(gpu: bool) -> Figure:
    """Milliseconds an image takes on the GPU, or on the CPU: of a run there, or measured beside a GPU's."""

    def of(record: Record) -> float | None:
        on_gpu = record.get("environment", {}).get("device", "cpu") != "cpu"
        beside = on_gpu and not gpu
        name = "inference_cpu_ms_per_image" if beside else "inference_ms_per_image"
        return record["cost"].get(name) if on_gpu or not gpu else None

    return Figure(of, 2 if gpu else 1)


COSTS = {  # a task says which of them its results have
    "time s": _cost("train_seconds", 0),
    "CPU ms an image": _inference(gpu=False),
    "GPU ms an image": _inference(gpu=True),
    "parameters, M": Figure(lambda r: r["net"]["parameters"] / 1e6, 2),
    "GFLOPs": _cost("gflops", 2),
    "MB": _cost("file_mb", 1),
}


def figures_of(name: str) -> dict[str, Figure]:
    """The columns of a task's results; the first is what rows are ordered by."""
    task = kind(name)
    measured = {c.title: _measured(c.split, c.figure, c.places, c.best) for c in task.columns()}
    return measured | {cost: COSTS[cost] for cost in task.costs}


OWN = "quickstart"  # the experiment of runs given by flags: a user's own
LABELS = ("model", "data", "strategy", "size", "seeds")


def grouped(records: Iterable[Record], figures: dict[str, Figure]) -> list[dict[str, Any]]:
    """One row a group: labels, and each figure's list of values over seeds; by data set, then best first."""
    groups: dict[tuple, list[Record]] = {}
    for r in records:
        groups.setdefault((r["experiment"], r["group"], r["status"]), []).append(r)
    rows, by = [_row(runs, figures) for runs in groups.values()], next(iter(figures))
    same: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        same.setdefault(tuple(row[k] for k in LABELS[:4]), []).append(row)
    for some in same.values():
        for row, note in zip(some, differing([row["first"] for row in some]), strict=True):
            row["model"] += f", {note}" if len(some) > 1 else ""
    sign = -1 if figures[by].best is max else 1
    place = {id(row): sign * mean(row[by]) if row[by] else float("inf") for row in rows}
    return sorted(rows, key=lambda row: (row["data"], place[id(row)], row["model"], row["strategy"]))


def differing(firsts: list[Record], but: Iterable[str] = ()) -> list[str]:
    """What tells runs apart whose rows would read the same: choices, or where those are equal the experiments."""
    choices = [LATER | r["choices"] for r in firsts]
    keys = sorted({k for c in choices for k in c} - {"seed", "weights_digest", "recipe", "data", *but})
    apart = [k for k in keys if len({str(c.get(k)) for c in choices}) > 1]
    notes = [[f"{k.replace('_', ' ')} {worded(k, c.get(k))}" for k in apart] for c in choices]
    again = [[f"in {r['experiment']}"] if notes.count(note) > 1 else [] for r, note in zip(firsts, notes, strict=True)]
    return [", ".join(note + more) for note, more in zip(notes, again, strict=True)]


def worded(choice: str, value: Any) -> str:
    """A choice's value as text."""
    if choice == "size":
        return f"{value} px" if value else "mixed"
    if choice in ("shots", "bands"):
        return str(value or "all")
    return spaced(str(value)) if choice == "budget" else str(value)


def told_apart(texts: list[str], firsts: list[Record], but: Iterable[str] = ()) -> list[str]:
    """The texts of runs, those that read the same with what tells them apart."""
    made = list(texts)
    for text in set(texts):
        places = [i for i, t in enumerate(texts) if t == text]
        for i, note in zip(places, differing([firsts[i] for i in places], but), strict=True):
            made[i] += f", {note}" if note else ""
    return made


def _row(runs: list[Record], figures: dict[str, Figure]) -> dict[str, Any]:
    first = runs[0]
    c, done = first["choices"], first["status"] == "done"
    model = first["label"] or model_of(c)
    alone = c["weights"] == "none" and (c["strategy"] == "scratch" or "members" in c)
    notes = [] if alone else [f"from {c['weights']}"]
    notes += [f"--bn {c['bn']}"] if c.get("bn", "sound") != "sound" else []
    notes += [_inputs(first)] if c.get("bands") or c.get("channels", "rgb") != "rgb" else []
    notes += [c["precision"]] if c["precision"] != "float32" else []
    return {
        "model": f"{model}, {', '.join(notes)}" if notes else model,
        "data": named(c),
        "strategy": c["strategy"],
        "size": f"{c['size']} px" if c["size"] else "mixed",
        "seeds": str(len(runs)) + ("" if is_fresh(first) else STALE) if done else first["status"],
        "first": first,
        "runs": runs,
        **{name: _values(runs, figure) if done else [] for name, figure in figures.items()},
    }


def named(choices: dict[str, Any]) -> str:
    """What a run's data are called: what is predicted of a table of several columns, and how many it was limited to."""
    limit = f" (limit {choices['limit']})" if choices.get("limit") else ""
    return ", ".join(filter(None, [data_of(choices), _target(choices)])) + limit


def _target(choices: dict[str, Any]) -> str | None:
    """The column that was named to be predicted."""
    with suppress(BadInput):
        name, _, given = names.parse(choices["dataset"])
        return given.get({"csv": "target", "table": "label"}.get(name, ""))
    return None


def is_fresh(record: Record) -> bool:
    """Whether the same choices would still train as they did; see `lab.runs.spec.RECIPE`."""
    return record["choices"].get("recipe", RECIPE) == RECIPE


def _inputs(record: Record) -> str:
    """Which bands a network is given, and how they come in."""
    c = record["choices"]
    given = c["bands"].split(",") if c.get("bands") else record.get("data", {}).get("bands", [])
    return " by ".join([*([f"{len(given)} bands"] if given else []), c["channels"]])


def _values(runs: list[Record], figure: Figure) -> list[float]:
    """A figure of each run, of those that have it."""
    return [value for r in runs if (value := figure.of(r)) is not None]


def spread(values: list[float], places: int | None = 3) -> str:
    """Mean of a figure over seeds, and where there are several its standard deviation."""
    if places is None:
        if abs(mean(values)) >= HUGE:
            return f"{mean(values):.4g}" + (f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else "")
        places = digits(mean(values))
    text = f"{mean(values):.{places}f}"
    return text + (f" ± {np.std(values, ddof=1):.{places}f}" if len(values) > 1 else "")


def digits(value: float) -> int:
    """Decimal places that leave a number four digits."""
    return max(0, 3 - math.floor(math.log10(abs(value)))) if value and math.isfinite(value) else 3


def reached(runs: Iterable[Record], split: str = "test") -> str:
    """The score of runs that differ by their seed only, as pages give it: three places of what is 1 at best."""
    some = list(runs)
    values = [score(r, split) for r in some]
    return spread(values, 3 if kind_of(some[0]).limit is not None else None)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def alike(record: Record, but: Iterable[str]) -> str:
    """The same for runs of one experiment whose choices are equal, but for those named."""
    return digest([record["experiment"], {k: v for k, v in record["choices"].items() if k not in but}])


def network(choices: dict[str, Any], headed: bool = True, but: str = "") -> str:
    """Backbone, size and budget of a run, as other tables name them; of a segmentation its head, too, if `headed`.

    The choice `but` is left out; a model is head and backbone.
    """
    words = {"head": choices["head"]} if headed and kind(choices["task"]).reads == "pyramid" else {}
    words |= {"backbone": choices["backbone"], "size": f"{choices['size']} px"}
    if "budget" in choices:
        words["budget"] = spaced(choices["budget"])
    hidden = ("head", "backbone") if but == "model" else (but,)
    return safe(", ".join(word for choice, word in words.items() if choice not in hidden))


def spaced(budget: str) -> str:
    """A budget as it is read: 600 steps, not 600steps."""
    return re.sub(r"(?<=\d)(?=[a-z])", " ", budget)


def together(records: Iterable[Record], names: Iterable[str]) -> list[list[Record]]:
    """Finished runs, no ensembles, in groups of one experiment whose choices of these names are equal."""
    groups: dict[str, list[Record]] = {}
    for r in records:
        if r["status"] == "done" and "members" not in r:
            key = digest([r["experiment"], {k: r["choices"].get(k) for k in names}])
            groups.setdefault(key, []).append(r)
    return list(groups.values())
