"""The contests of a page: which runs share one panel, what each is called there, who wins.

Runs share a panel that are of one experiment, data set, training split, test examples, network and size: their curves
have one axis and their scores are of the same examples. All else that differs is the contestant's, and in its name.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from lab.comparison.contestants import AXES, Contest
from lab.comparison.kept_verdicts import judge
from lab.comparison.verdict import Verdict
from lab.errors import BadInput
from lab.files import digest
from lab.records.store import data_of
from lab.runs.spec import LATER
from lab.task import kind, kind_of, score

Record = dict[str, Any]
Named = dict[str, dict[int, Record]]  # the runs of each contestant, by seed
SAME = ("seed", "recipe", "data", "data_fingerprint")  # differ within a contestant, or are the panel's
ALONE = ("strategy", "channels", "head", "loss", "optimizer", "backbone")  # choices whose value says what it is
BASE = "scratch"


@dataclass(frozen=True)
class Panel:
    """Runs that are shown and judged together.

    Attributes:
        contest: the contestant with the best test score first.
        verdict: None where there is none; `why` says why.
    """

    title: str
    contest: Contest
    verdict: Verdict | None
    why: str = ""

    @property
    def first(self) -> Record:
        return self.contest.first

    @property
    def best(self) -> str:
        return next(iter(self.contest.runs))

    @property
    def base(self) -> str | None:
        """The best contestant that was trained from scratch, if one was."""
        firsts = {name: next(iter(runs.values())) for name, runs in self.contest.runs.items()}
        return next((name for name, r in firsts.items() if r["choices"]["strategy"] == BASE), None)


def panels(root: Path, records: Iterable[Record]) -> list[Panel]:
    """One for each data set and network, in this order; of each experiment, as the records have them."""
    found: dict[str, list[list[Record]]] = {}
    for runs in _together(records):
        found.setdefault(runs[0]["experiment"], []).append(runs)
    ordered = [runs for of in found.values() for runs in sorted(of, key=_place)]
    named = [contestants(runs) for runs in ordered]
    titles = _titles([Contest(None, runs).first for runs, _ in named], [keys for _, keys in named])
    return [_panel(root, title, *of) for title, of in zip(titles, named, strict=True)]


def _together(records: Iterable[Record]) -> list[list[Record]]:
    """The finished runs of each panel; those of a network that has only one at each size are one panel."""
    done = [r for r in records if r["status"] == "done" and "members" not in r["choices"]]
    groups = _by(lambda r: [*_fixed(r), r["choices"]["size"]], done)
    alone = [runs for runs in groups if len({_settings(r) for r in runs}) == 1]
    joined = _by(_fixed, [r for runs in alone for r in runs])
    return [runs for runs in groups if runs not in alone] + joined


def _by(key: Callable[[Record], list[Any]], records: Iterable[Record]) -> list[list[Record]]:
    groups: dict[str, list[Record]] = {}
    for r in records:
        groups.setdefault(digest(key(r)), []).append(r)
    return list(groups.values())


def _fixed(r: Record) -> list[Any]:
    """What all runs of a panel have in common, beside the size."""
    c, splits = r["choices"], r.get("data", {}).get("splits", {})
    test = splits.get("test", {}).get("digest")
    return [r["experiment"], c["task"], data_of(c), c["backbone"], c.get("shots"), c.get("limit"), test, _examples(r)]


def _examples(r: Record) -> int:
    """How many examples it was trained on; 0 where the record does not say."""
    return r.get("data", {}).get("splits", {}).get("train", {}).get("examples", 0)


def _place(runs: list[Record]) -> tuple:
    c = runs[0]["choices"]
    return data_of(c), _examples(runs[0]), c["backbone"], str(c["size"]).zfill(9)


def _settings(r: Record) -> str:
    """The same for the seeds of a contestant."""
    return digest({k: v for k, v in {**LATER, **r["choices"]}.items() if k not in SAME})


def contestants(runs: list[Record]) -> tuple[Named, list[str]]:
    """(runs of each by seed, the choices that tell them apart).

    A name has the fewest choices that make it its own, and the budget where that differs: curves end with it.
    """
    of: dict[str, list[Record]] = {}
    for r in sorted(runs, key=lambda r: (r["choices"]["strategy"], r["choices"]["seed"])):
        of.setdefault(_settings(r), []).append(r)
    choices = [{**LATER, **some[0]["choices"]} for some in of.values()]
    keys: list[str] = []
    names: list[tuple[str, ...]] = [() for _ in choices]
    for key in dict.fromkeys((*AXES, *sorted({k for c in choices for k in c} - set(SAME)))):
        longer = [(*name, _said(key, c.get(key))) for name, c in zip(names, choices, strict=True)]
        needed = len(set(longer)) > len(set(names)) or (key == "budget" and len(_budgets(choices)) > 1)
        if key != "model" and needed:
            keys, names = [*keys, key], longer
    return dict(zip(_names(names, choices), map(_by_seed, of.values()), strict=True)), keys


def _names(said: list[tuple[str, ...]], choices: list[dict[str, Any]]) -> list[str]:
    """What contestants are called: of what is said, that which is something, where it still tells them apart."""
    said = [tuple(text for text in of if text) for of in said]
    something = [tuple(text for text in of if not text.lower().endswith(" none")) for of in said]
    shown = [some or of for some, of in zip(something, said, strict=True)]
    chosen = shown if len(set(shown)) == len(said) else said
    return [", ".join(of) or c["strategy"] for of, c in zip(chosen, choices, strict=True)]


def _budgets(choices: list[dict[str, Any]]) -> set[str]:
    return {c["budget"] for c in choices if "budget" in c}


def _by_seed(runs: list[Record]) -> dict[int, Record]:
    return {r["choices"]["seed"]: r for r in runs}


def _said(key: str, value: Any) -> str:
    if key in ALONE:
        return str(value)
    if key == "size":
        return f"{value} px"
    if key == "budget":
        return _spaced(value or "")  # what is only solved or evaluated has none
    return f"from {value}" if key == "weights" else f"{key.replace('_', ' ')} {value}"


def _spaced(budget: str) -> str:
    return re.sub(r"(?<=\d)(?=[a-z])", " ", budget)


def _titles(firsts: list[Record], differ: list[list[str]]) -> list[str]:
    """Data and network of each, without what its contestants differ in; those that read the same say their examples."""
    made = [_title(r, keys) for r, keys in zip(firsts, differ, strict=True)]
    many = [made.count(title) > 1 for title in made]
    examples = [f", {_examples(r):,} training examples" for r in firsts]
    return [title + (text if more else "") for title, text, more in zip(made, examples, many, strict=True)]


def _title(r: Record, differ: list[str]) -> str:
    c = r["choices"]
    words = {"data": data_of(c), "backbone": c["backbone"]}
    words |= {"head": c["head"]} if kind(c["task"]).reads == "pyramid" else {}
    words |= {"size": f"{c['size']} px"} if c["size"] else {}
    words |= {"budget": _spaced(c["budget"])} if "budget" in c else {}
    words |= {"strategy": c["strategy"]} if differ else {}
    return ", ".join(word for key, word in words.items() if key not in differ)


def _panel(root: Path, title: str, runs: Named, keys: list[str]) -> Panel:
    sign = kind_of(next(iter(next(iter(runs.values())).values()))).sign
    ordered = {name: runs[name] for name in sorted(runs, key=lambda name: -sign * mean(runs[name].values()))}
    contest = Contest(keys[0] if len(keys) == 1 else None, ordered)
    if len(runs) == 1:
        return Panel(title, contest, None, "One contestant: there is nothing to compare it with.")
    try:
        return Panel(title, contest, judge(root, [contest])[0])
    except BadInput as error:  # of this panel: the others are judged all the same
        return Panel(title, contest, None, f"No verdict: {error}.")


def mean(runs: Iterable[Record]) -> float:
    """Of the runs' test scores."""
    return fmean(score(r, "test") for r in runs)
