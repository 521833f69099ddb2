"""Which recorded runs compete: alike in everything but one choice, and the seed. No Keras."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lab import names
from lab.errors import BadInput
from lab.files import digest
from lab.records.store import data_of, model_of
from lab.runs.spec import LATER

Record = dict[str, Any]
AXES = (
    "strategy", "model", "backbone", "head", "channels", "loss", "augment", "weights", "contrast", "optimizer",
    "schedule", "balance", "bn", "precision",
)  # fmt: skip  # a word without = is looked for in them, in this order
IMPLIED = {  # by a choice: what differs with it
    "strategy": ("weights", "weights_digest"), "backbone": ("weights", "weights_digest"),
    "model": ("backbone", "head", "weights", "weights_digest"), "weights": ("weights_digest",),
}  # fmt: skip
ANYWHERE = ("experiment", "data", *AXES)  # what a word of --on may be, beside FIELD=VALUE


@dataclass(frozen=True)
class Contest:
    """Runs that are alike but for one choice; of explicit runs, they may differ in more.

    Attributes:
        axis: the choice; None where runs were named.
        runs: of each contestant, by seed.
        base: the contestant that each is compared with; None: each with all.
    """

    axis: str | None
    runs: dict[str, dict[int, Record]]
    base: str | None = None

    @property
    def records(self) -> list[Record]:
        return [r for by_seed in self.runs.values() for r in by_seed.values()]

    @property
    def first(self) -> Record:
        """One that was trained, if any was: it has a budget."""
        return next((r for r in self.records if "budget" in r["choices"]), self.records[0])

    @property
    def apart(self) -> list[str]:
        """The choices that differ beyond the axis and the seed."""
        but = {"seed", self.axis, *IMPLIED.get(self.axis or "", ()), *(["weights_digest"] if not self.axis else [])}
        choices = [r["choices"] for r in self.records]
        keys = sorted(set.intersection(*map(set, choices)) - but - {"recipe", "data_fingerprint"})
        return [k for k in keys if len({str(c[k]) for c in choices}) > 1]


def contests(records: Iterable[Record], words: Sequence[str] = (), on: Sequence[str] = ()) -> list[Contest]:
    """Every contest of those that the words name, among the finished runs that all words of `on` are true of.

    Raises:
        BadInput: a word names nothing, the words name different things, or nothing alike is there to compare.
    """
    records = [r for r in records if r["status"] == "done" and "members" not in r["choices"]]
    if not records:
        raise BadInput("there is no finished run to compare; `python -m lab.run` makes one")
    for word in on:
        records = _that_are(records, word)
    if words and all(_named(records, w) for w in words):
        return [_of_runs({w: _named(records, w)[0] for w in words})]
    axis, values = _axis(records, words)
    found = [_narrowed(c, values) for c in alike(records, axis)]
    found = [c for c in found if len(c.runs) > 1 and {_value(r, axis) for r in c.records} >= set(values)]
    if not found:
        raise BadInput(
            f"no two finished runs are alike but for {axis} and seed, with {' and '.join(values) or 'several of it'}; "
            "name two runs to compare them as they are (`python -m lab.report --runs`)"
        )
    return found


def _named(records: list[Record], word: str) -> list[Record]:
    experiment, _, name = word.rpartition("/")
    return [r for r in records if r["name"] == name and experiment in ("", r["experiment"])]


def _of_runs(named: dict[str, Record]) -> Contest:
    """A contest of single runs, whatever they differ in: by their seed only, too."""
    if len(named) < 2:
        raise BadInput(f"two runs or more are compared; received {next(iter(named))} alone")
    return Contest(None, {word: {0: r} for word, r in named.items()})


def _axis(records: list[Record], words: Sequence[str]) -> tuple[str, list[str]]:
    """(the choice that all words are values of, the values as records have them)."""
    if not words:
        return "strategy", []
    fields = {w: _fields(records, w) for w in words}
    for word, of in fields.items():
        if not of:
            raise BadInput(
                f"no finished run has {word}: it is no run's name, and none of its {', '.join(AXES[:4])} ...; "
                f"strategies that were run: {', '.join(sorted({r['choices']['strategy'] for r in records}))}"
            )
    common = [axis for axis in fields[words[0]] if all(axis in of for of in fields.values())]
    if not common:
        said = "; ".join(f"{w} is a {', '.join(of)}" for w, of in fields.items())
        raise BadInput(f"one choice is compared at a time: {said}")
    return common[0], list(dict.fromkeys(fields[w][common[0]] for w in words))


def _fields(records: list[Record], word: str) -> dict[str, str]:
    """{choice: its value} that the word may mean."""
    field, equals, value = word.partition("=")
    if equals and any(field in r["choices"] for r in records):
        return {field: value} if any(_value(r, field) == value for r in records) else {}
    return {a: v for a in AXES for v in [_canonical(a, word)] if any(_value(r, a) == v for r in records)}


def _canonical(axis: str, word: str) -> str:
    """As records write it: last(stages=1) is last."""
    try:
        return str(names.build("strategies", word)) if axis == "strategy" else word
    except BadInput:
        return word


def _value(record: Record, field: str) -> str:
    c = record["choices"]
    if field == "model":
        return record["label"] or model_of(c)
    return data_of(c) if field == "data" else str(c.get(field, LATER.get(field)))


def _that_are(records: list[Record], word: str) -> list[Record]:
    field, equals, value = word.partition("=")
    explicit = equals and (field == "experiment" or any(field in r["choices"] for r in records))
    found = [r for r in records if _is(r, [field] if explicit else ANYWHERE, value if explicit else word)]
    if not found:
        known = sorted({data_of(r["choices"]) for r in records})
        raise BadInput(
            f"no finished run is on {word}: it takes an experiment, a data set ({', '.join(known)}), a strategy, a "
            "backbone ..., or FIELD=VALUE, as size=32"
        )
    return found


def _is(record: Record, fields: Iterable[str], value: str) -> bool:
    return any((record["experiment"] if f == "experiment" else _value(record, f)) == value for f in fields)


def alike(records: Iterable[Record], axis: str) -> list[Contest]:
    """Contests of finished runs over all values of an axis, of as few as one.

    Runs that need no training have no budget, rate and so on: they compete with all that are like them otherwise.
    """
    but = {"seed", axis, *IMPLIED.get(axis, ())}
    settings: dict[str, dict[str, tuple[Record, list[Record]]]] = {}  # of each experiment
    done = [r for r in records if r["status"] == "done" and "members" not in r["choices"]]
    for r in sorted(done, key=lambda r: "budget" not in r["choices"]):
        own = {"experiment": r["experiment"], **{k: v for k, v in r["choices"].items() if k not in but}}
        if "budget" in own:
            own = {**{k: v for k, v in LATER.items() if k not in but}, **own}
        here, trained = settings.setdefault(r["experiment"], {}), "budget" in own
        like = [] if trained else [some for of, some in here.values() if _agree(own, of)]
        for some in like or [here.setdefault(digest(own), (own, []))[1]]:
            some.append(r)
    return [Contest(axis, _by_value(some, axis)) for of in settings.values() for _, some in of.values()]


def _agree(own: Record, other: Record) -> bool:
    return all(other[k] == v for k, v in own.items() if k in other)


def _by_value(records: list[Record], axis: str) -> dict[str, dict[int, Record]]:
    """The runs of each value by seed; a value that came from several sources says from which."""
    sources: dict[str, set] = {}
    for r in records:
        sources.setdefault(_value(r, axis), set()).add(r["choices"]["weights"])
    runs: dict[str, dict[int, Record]] = {}
    for r in sorted(records, key=lambda r: r["choices"]["seed"]):
        value = _value(r, axis)
        name = f"{value} from {r['choices']['weights']}" if len(sources[value]) > 1 else value
        runs.setdefault(name, {})[r["choices"]["seed"]] = r
    return runs


def meant(contest: Contest, word: str) -> list[str]:
    """The contestants that a word means, which was given to `contests`; several where they came from several sources.

    Raises:
        BadInput: it is none of them.
    """
    value = word.partition("=")[2] if re.match(r"\w+=", word) else _canonical(contest.axis or "", word)
    found = [
        n for n, runs in contest.runs.items() if value in (n, _value(next(iter(runs.values())), contest.axis or ""))
    ]
    if not found:
        raise BadInput(f"{word} is not among those that are compared: {', '.join(contest.runs)}")
    return found


def _narrowed(contest: Contest, values: Sequence[str]) -> Contest:
    axis = contest.axis or ""
    keep = {n: of for n, of in contest.runs.items() if not values or _value(next(iter(of.values())), axis) in values}
    return Contest(contest.axis, keep)
