"""What is common to a user's own image files, however their labels are written down."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from lab.datasets import Dataset, digest_of
from lab.errors import BadInput
from lab.inputs import once
from lab.inputs.data import Split, hw, parted
from lab.inputs.decoding import Fit
from lab.inputs.entry import Entry
from lab.inputs.folders import Files
from lab.inputs.ground import blocks, overlapping
from lab.inputs.index import index
from lab.inputs.splitting import SHARES, dealt, strata, united
from lab.names import Pixels
from lab.task import kind

BETWEEN = "\x1f"  # the words of a label that has several


class Example(NamedTuple):
    """A labelled image file: its name among the files, its class, and its split and group where they are given."""

    name: str
    label: str
    split: str | None = None
    group: str = ""


@dataclass(frozen=True)
class Own(Dataset):
    """Labelled image files, read when they are asked for, at the size of the run.

    A split that is missing is drawn: see `lab.inputs.splitting`. Files of the same content stay on
    one side of it, and so do those of one group.
    """

    embedded = False
    shareable = False

    px: Annotated[int | str | None, Pixels(8, 4096)] = None  # the size that they are read at; None: the run's
    fit: Fit = "squash"  # what becomes of an image that is not square
    group: str | None = None  # a regular expression, or a CSV file with the columns path and group
    skip_corrupt: bool = False

    @property
    def size(self):
        return self.px

    def told(self, size, group, skip_corrupt):
        return replace(
            self, px=self.px or size, group=group or self.group, skip_corrupt=skip_corrupt or self.skip_corrupt
        )

    def bands_of(self, data_dir):
        return self._found_once(data_dir)[0].bands

    def title(self, data_dir):
        return Path(data_dir).resolve().name if data_dir else self.name

    def __str__(self) -> str:
        """Without where a file of groups lies: its content is in the fingerprint."""
        bare = replace(self, group=Path(self.group).name) if self.group and _is_table(self.group) else self
        return super(Own, replace(bare, skip_corrupt=False)).__str__()

    def found(self, data_dir: str | None) -> tuple[Files, list[Example]]:
        """The files and all labelled examples, before any image is opened.

        Raises:
            BadInput: names what is missing or does not fit.
        """
        raise TypeError(f"{self.name} has no found()")

    def _found_once(self, data_dir: str | None) -> tuple[Files, list[Example]]:
        return once.found(("found", self, data_dir), lambda: self.found(data_dir))

    def survey(self, data_dir: str | None) -> "Survey":
        """Every example and what its file is, the unreadable ones apart.

        Raises:
            BadInput: as `found`.
        """
        with once.once():
            files, examples = self._found_once(data_dir)
            examples = sorted(examples)
            entries = index(files, [e.name for e in examples])
        broken = {e.name: str(entries[e.name].error) for e in examples if entries[e.name].error}
        return Survey(files, [e for e in examples if e.name not in broken], entries, broken)

    def fingerprint(self, data_dir):
        found = self.usable(data_dir)
        groups = groups_of(found, self.group)
        rows = zip(found.examples, groups, self.contents(found), strict=True)
        about = [f"v{self.version}", *(map(repr, found.files.bands))]
        return digest_of([*about, *(f"{e[:3]} {g} {content}" for e, g, content in rows)])[:32]

    def load(self, data_dir):
        found = self.usable(data_dir)
        groups = groups_of(found, self.group)
        _refuse_shared(found.examples, [found.entries[e.name].sha256 for e in found.examples], "are the same image")
        if self.group:
            _refuse_shared(found.examples, groups, "are of one group")
        whole, meaning = self.whole(found)
        about = {"source": self.source(found.files), "palette": self.palette(found), "left_out": found.broken}
        return parted(whole, self.parts(found), **meaning, bands=found.files.bands, **about)

    def whole(self, found: "Survey") -> tuple[Split, dict[str, Any]]:
        """All readable examples as one split, and what else a `Data` says of their labels: their classes, say."""
        labels, meaning = self.labelled(found)
        return self.split(found, labels), meaning

    def labelled(self, found: "Survey") -> tuple[np.ndarray, dict[str, Any]]:
        """(the labels (N, ...) that the task makes of the words, what else a `Data` says of them)."""
        rows = [e.label.split(BETWEEN) for e in found.examples]
        return kind(self.task).labelled(rows, self.columns(), found.files.title)

    def split(self, found: "Survey", labels: Any) -> Split:
        """All readable examples with these labels."""
        from lab.inputs.reading import OnDemand

        assert self.px is not None
        size = hw(self.px)
        names = np.array([e.name for e in found.examples])
        content = np.array([f"{content} {self.px} {self.fit}" for content in self.contents(found)])
        bands, kinds = len(found.files.bands) or 3, {found.entries[n].mode for n in names}
        dtype = np.result_type(*kinds) if found.files.bands else np.dtype("uint8")

        def read(i: int) -> np.ndarray:
            return found.files.image(str(names[i]), size, self.fit).astype(dtype, copy=False)

        images = OnDemand(read, (*size, bands), np.arange(len(names)), dtype)
        return Split(images, labels, names, content)

    def contents(self, found: "Survey") -> list[str]:
        """What identifies each readable example without reading it again."""
        return [found.entries[e.name].sha256 for e in found.examples]

    def strata(self, found: "Survey") -> np.ndarray:
        """Whole numbers (N,): of each, every split that is drawn gets its share."""
        return strata(self.labelled(found)[0])

    def palette(self, found: "Survey") -> tuple[tuple[int, int, int], ...]:
        return ()

    def source(self, files: Files) -> str:
        """Where the data come from, for the record."""
        return f"{self.name} {files.title}"

    def parts(self, found: "Survey") -> dict[str, np.ndarray]:
        """Which of the readable examples are in train, val and test.

        Raises:
            BadInput: groups do not fit, or only some examples have a split.
        """
        entries, groups = [found.entries[e.name] for e in found.examples], groups_of(found, self.group)
        pairs = overlapping([e.sketch for e in entries]) if not any(groups) else []
        alike = united(_repeated([e.sha256 for e in entries]), groups, pairs=pairs)
        return dealt(self.strata(found), alike, [e.split for e in found.examples], found.files.title)

    def usable(self, data_dir: str | None) -> "Survey":
        """What there is, if nothing of it is broken, or what is broken is to be left out.

        Raises:
            BadInput: names the first file that is.
        """
        found = once.found(("survey", self, data_dir), lambda: self.survey(data_dir))
        if found.broken and not self.skip_corrupt:
            name, reason = next(iter(found.broken.items()))
            more = f" and {len(found.broken) - 1} more cannot be read" if len(found.broken) > 1 else ""
            raise BadInput(
                f"{found.files.called(name)} {reason}{more}; mend or remove it, or leave such files out with "
                "--skip-corrupt (`python -m lab.data verify` lists them)"
            )
        return found


def for_words(dataset: Any, task: str | None) -> Any:
    """The data set with its words made labels of this task; None where the task makes none of words."""
    return replace(dataset, task=task) if task is not None and kind(task).of_words else None


class Survey(NamedTuple):
    """What there is: the readable examples, an entry for every file, and why the others cannot be read.

    Where labels are masks, also what each of them holds and what that means: see `lab.datasets._masked`.
    """

    files: Files
    examples: list[Example]
    entries: dict[str, Entry]
    broken: dict[str, str]
    masks: dict[str, Any] = {}
    legend: Any = None


def _repeated(words: list[str]) -> list[str]:
    """The words that occur more than once; "" in place of the others."""
    counts = Counter(words)
    return [w if counts[w] > 1 else "" for w in words]


def _refuse_shared(examples: list[Example], keys: list[str], what: str) -> None:
    """Refuses two given splits that share a key; "" is none."""
    seen: dict[str, Example] = {}
    for split in SHARES:
        for e, key in zip(examples, keys, strict=True):
            if not key or e.split != split:
                continue
            other = seen.setdefault(key, e)
            if other.split != split:
                raise BadInput(
                    f"{other.name} ({other.split}) and {e.name} ({split}) {what}: what is tested must not be learnt; "
                    "leave one out (`python -m lab.data audit` lists all)"
                )


def groups_of(found: Survey, group: str | None) -> list[str]:
    """The group of each example; "" where it is in none.

    Raises:
        BadInput: no regular expression; a table that lacks a file; an expression that does not match one.
    """
    entries = [found.entries[e.name] for e in found.examples]
    if group is None and found.files.bands and all(e.place for e in entries):
        return blocks(entries)
    if group is None:
        return [e.group for e in found.examples]
    if match := re.fullmatch(r"blocks:(\d+(?:\.\d+)?)", group):
        return blocks(entries, float(match[1]))
    if _is_table(group):
        return _from_table(found, group)
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise BadInput(f"--group {group!r} is neither a CSV file nor a regular expression: {error}") from None
    groups = []
    for e in found.examples:
        match = pattern.search(e.name)
        if not match:
            raise BadInput(f"--group {group!r} does not match {e.name}; it has to match every path")
        groups.append("/".join(g or "" for g in match.groups()) or match[0])
    return groups


def _is_table(group: str) -> bool:
    return group.lower().endswith(".csv")


def _from_table(found: Survey, group: str) -> list[str]:
    try:
        reader = csv.DictReader(io.StringIO(Path(group).expanduser().read_text(encoding="utf-8-sig")))
        columns = list(reader.fieldnames or ())
        if not {"path", "group"} <= set(columns):
            raise BadInput(f"--group {group} has the columns {', '.join(columns) or 'none'}; it needs path and group")
        of = {row["path"]: row["group"] for row in reader}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"--group {group} cannot be read: {error}") from None
    for e in found.examples:
        if not of.get(e.name):
            raise BadInput(f"--group {group} gives {e.name} no group; it has to name every image")
    return [of[e.name] for e in found.examples]
