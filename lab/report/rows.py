"""All runs of an experiment, a row for each group that differs by its seed only: what is compared, and its figures.

What is the same in all rows is said once, above; what tells them apart has a column each.
"""

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.report.markdown import safe, table
from lab.report.table import STALE, Figure, differing, figures_of, grouped, is_fresh, mean, spread, worded
from lab.runs.spec import LATER, Run

Record = dict[str, Any]
FIRST = ("strategy", "backbone", "size")  # choices that have a column wherever they differ
# Of others those that it takes to tell rows apart, these before the rest.
THEN = ("head", "channels", "bands", "loss", "budget", "augment", "shots", "bn")
SAID = ("backbone", "weights", "head", "channels", "bands", "size", "budget", "batch_size", "learning_rate", "augment")
SPARE = {"seed", "data", "dataset", "data_fingerprint", "drop_classes", "limit", "weights_digest", "recipe", "members",
         "watch", "task"}  # fmt: skip  # said elsewhere, or of no consequence
CONSTANT = re.compile(r" ± 0\.0+\Z")  # of what no seed changes, as the number of parameters
COLUMNS = 9  # that fit on a screen
MOST, FEWEST = 6, 3  # of them that are figures
USUAL = {f.name: f.default for f in dataclasses.fields(Run)} | LATER | {"head": "linear"}


@dataclass(frozen=True)
class Rows:
    """All runs on one data set.

    Attributes:
        data: what it is called.
        same: (choice, its value) of what no row differs in.
        compared: the heads of what tells rows apart, and a cell of each for every row.
        figures: the heads of the figures, and their cells.
        runs: the records of each row.
    """

    data: str
    same: list[tuple[str, str]]
    compared: tuple[list[str], list[list[str]]]
    figures: tuple[list[str], list[list[str]]]
    runs: list[list[Record]]

    @property
    def heading(self) -> str:
        """Of its part of the page."""
        return f"On {self.data}"

    @property
    def text(self) -> str:
        """In Markdown: what is the same, and one table, or two where it would be wider than a screen."""
        heads, cells = self.compared
        names, values = self.figures
        room = min(MOST, max(FEWEST, COLUMNS - len(heads)))
        parts = [f"The same in all rows, where they have it: {', '.join(said(k, v) for k, v in self.same)}."]
        for i in range(0, max(1, len(names)), room):
            rows = [[*cell, *value[i : i + room]] for cell, value in zip(cells, values, strict=True)]
            parts.append(table(rows, [*heads, *names[i : i + room]]))
        return "\n\n".join(parts if self.same else parts[1:])


def of_experiment(records: list[Record]) -> Iterator[Rows]:
    """Of each data set and task, the best row first."""
    for task in sorted({r["choices"]["task"] for r in records}):
        figures = figures_of(task)
        groups = grouped([r for r in records if r["choices"]["task"] == task], figures)
        for data in dict.fromkeys(group["data"] for group in groups):
            yield _of_data(data, [g for g in groups if g["data"] == data], figures)


def _of_data(data: str, groups: list[dict[str, Any]], figures: dict[str, Figure]) -> Rows:
    firsts = [g["first"] for g in groups]
    columns = choices_of(firsts)
    values = [LATER | r["choices"] for r in firsts]
    compared = [[_cell(k, r, c) for k in columns] for r, c in zip(firsts, values, strict=True)]
    notes = differing(firsts) if len({tuple(cells) for cells in compared}) < len(compared) else [""] * len(firsts)
    many, older = [g["seeds"] for g in groups], _older(groups)
    called = {"backbone": "model"} if any(r["label"] for r in firsts) else {}
    heads = [called.get(k, k.replace("_", " ")) for k in columns]
    if any(notes):
        heads, compared = [*heads, "differs in"], [[*c, safe(n)] for c, n in zip(compared, notes, strict=True)]
    same = [*_same(firsts, columns), *([("recipe", older)] if older else [])]
    many = [n.removesuffix(STALE) for n in many] if older else many
    if len(set(many)) > 1 or not many[0].isdigit():
        heads, compared = [*heads, "seeds"], [[*c, n] for c, n in zip(compared, many, strict=True)]
    else:
        same.append(("seeds", many[0]))
    used = {name: f for name, f in figures.items() if any(g[name] for g in groups)}
    best = {name: _best(groups, name, f) for name, f in used.items()}
    cells = [[_figure(g[name], f.places, i in best[name]) for name, f in used.items()] for i, g in enumerate(groups)]
    cells = [[*row[:MOST], *(CONSTANT.sub("", cell) for cell in row[MOST:])] for row in cells]
    return Rows(data, same, (heads, compared), (list(used), cells), [g["runs"] for g in groups])


def choices_of(firsts: list[Record]) -> list[str]:
    """The choices that tell rows apart, given one record of each."""
    found: list[str] = []
    for key in [*FIRST, *THEN, *_keys(firsts)]:
        is_more = _distinct([*found, key], firsts) > _distinct(found, firsts)
        if key not in found and _differs(key, firsts) and (is_more or key in FIRST):
            found.append(key)
    return found or ["strategy"]


def _keys(firsts: list[Record]) -> list[str]:
    keys = {k for r in firsts for k in r["choices"]} - SPARE
    return [*(k for k in SAID if k in keys), *sorted(keys - set(SAID))]


def _value(key: str, record: Record) -> Any:
    """None where a run has no such choice, or none worth saying; a network that was given a name is called so."""
    if key == "backbone" and record["label"]:
        return record["label"]
    value = record["choices"].get(key, LATER.get(key) if "budget" in record["choices"] else None)
    return None if key == "weights" and value == "none" else value


def _differs(key: str, firsts: list[Record]) -> bool:
    """Whether a choice is not the same in all rows; what a mean of runs has in place of a network does not count."""
    those = [r for r in firsts if key in r["choices"] and ("members" not in r["choices"] or key == "strategy")]
    return len({str(_value(key, r)) for r in those}) > 1 and not _is_implied(key, those)


def _is_implied(key: str, firsts: list[Record]) -> bool:
    """Whether the strategy says it: the head of `frozen`, the weights of `scratch`."""
    of: dict[str, set[str]] = {}
    for r in firsts:
        of.setdefault(r["choices"]["strategy"], set()).add(str(_value(key, r)))
    return key not in FIRST and len(of) > 1 and all(len(values) == 1 for values in of.values())


def _distinct(keys: list[str], firsts: list[Record]) -> int:
    return len({tuple(str(_value(k, r)) for k in keys) for r in firsts})


def _same(firsts: list[Record], columns: list[str]) -> list[tuple[str, str]]:
    """(choice, value) of what is the same in all runs that have it, where it is not as usual or always worth saying."""
    found = []
    for key in [k for k in _keys(firsts) if k not in columns]:
        those = [r for r in firsts if key in r["choices"] and "members" not in r["choices"]]
        values = {str(v): v for r in those if (v := _value(key, r)) is not None}
        is_usual = key not in ("backbone", "size", "augment", "weights") and next(iter(values), "") == str(
            USUAL.get(key)
        )
        if len(values) == 1 and not is_usual and (value := next(iter(values.values()))) not in ("", 0.0, "none"):
            names = {r["choices"]["backbone"] for r in those} - {value} if key == "backbone" else set()
            found.append((key, safe(", ".join([worded(key, value), *sorted(names)]))))
    return found


def _older(groups: list[dict[str, Any]]) -> str:
    """The recipe by which all finished runs were trained, where it is not today's, which is then said once."""
    done = [g["first"] for g in groups if g["first"]["status"] == "done"]
    recipes = {str(r["choices"].get("recipe")) for r in done}
    return recipes.pop() if len(recipes) == 1 and not any(map(is_fresh, done)) else ""


def said(key: str, value: str) -> str:
    """A choice in a sentence."""
    known = {
        "weights": f"from {value}", "seeds": f"{value} seed{'' if value == '1' else 's'}",
        "batch_size": f"batches of {value}", "recipe": f"trained by recipe {value}, which is not today's",
    }  # fmt: skip
    alone = ("backbone", "size", "budget", "strategy", "optimizer", "model", "differs_in")
    return known.get(key, value if key in alone else f"{key.replace('_', ' ')} {value}")


def _cell(key: str, record: Record, choices: dict[str, Any]) -> str:
    value = _value(key, record)
    text = "-" if value is None and key not in ("shots", "bands", "size") else safe(worded(key, value))
    return f"`{text}`" if key == "strategy" else text


def _best(groups: list[dict[str, Any]], name: str, figure: Figure) -> set[int]:
    """The rows that have the best of a figure, if it has a best."""
    values = {i: _rounded(mean(g[name]), figure.places) for i, g in enumerate(groups) if g[name]}
    if not figure.best or len(values) < 2:
        return set()
    best = figure.best(values.values())
    return {i for i, v in values.items() if v == best}


def _rounded(value: float, places: int | None) -> float:
    return float(f"{value:.4g}") if places is None else round(value, places)


def _figure(values: list[float], places: int | None, is_best: bool) -> str:
    if not values:
        return "-"
    text = spread(values, places)
    return f"**{text}**" if is_best else text
