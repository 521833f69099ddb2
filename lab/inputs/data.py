"""The one way data flow: splits of images, taken by index, batched by a rule. No Keras.

A split's images stay as they were read, (N, H, W, C), once, or are read when they are asked for
(`lab.inputs.reading`); a batch becomes float, gets its size and its augmentation on the device. Which examples
a batch holds is a function of (seed, phase, step), so a run can be resumed anywhere.
"""

import csv
import difflib
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np

from lab.errors import BadInput
from lab.inputs import shots as few
from lab.inputs.bands import Band
from lab.inputs.columns import Table

Array = np.ndarray
LONGEST = 200  # characters of a class's name
IGNORED = 255  # the label of pixels that count nowhere: not in the loss, not in a figure


class Images(Protocol):
    """What a split's images may be: an array, or anything that reads on demand."""

    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Any) -> Array: ...


@dataclass(frozen=True)
class Split:
    """Examples: images (N, H, W, C), labels and a name for each (N,).

    Images are uint8; those whose bands are described have the type that they are stored in.

    Labels are (N,) int64, a class each, numbers (N, P) float64, or masks (N, H, W) uint8, a class each pixel, with
    `IGNORED` where none counts; masks may be read on demand, too. `content` (N,) identifies images and masks where
    that is known without reading them: their files' digests. `pixels` (N, K) says how many of each class a mask has
    in its file, where that is known likewise.
    """

    images: Images
    labels: Any
    ids: Array
    content: Array | None = None
    pixels: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def has_classes(self) -> bool:
        """Whether each example has one class."""
        return len(self.labels.shape) == 1

    @property
    def has_numbers(self) -> bool:
        """Whether each example has numbers."""
        return len(self.labels.shape) == 2

    @property
    def has_masks(self) -> bool:
        return len(self.labels.shape) == 3

    def take(self, indices: Array) -> "Split":
        """These examples; what is read on demand is not read for it."""
        content, pixels = (known if known is None else known[indices] for known in (self.content, self.pixels))
        return Split(_subset(self.images, indices), _subset(self.labels, indices), self.ids[indices], content, pixels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, in order."""
        sha = hashlib.sha256()
        if self.content is not None:
            sha.update("\n".join(self.content).encode())
            sha.update(b"" if self.has_masks else _bytes(self.labels))
            return sha.hexdigest()
        for start in range(0, len(self), 4096):
            part = np.arange(start, min(start + 4096, len(self)))
            sha.update(np.ascontiguousarray(self.images[part]).tobytes())
            sha.update(_bytes(self.labels[part]))
        return sha.hexdigest()


@dataclass(frozen=True)
class Data:
    """A data set in three splits.

    Attributes:
        classes: a name for each label, in order; none where labels are no classes.
        numbers: a name for each number of labels (N, P).
        bands: what the bands of the images are, where that is known; none: they are RGB, or grey.
        table: what the rows of a table were encoded by; None: the examples are images.
        palette: for masks, the colour (R, G, B) that each class is drawn in.
        forbids: augmentations that would make a label wrong (`horizontal_flip`, `vertical_flip`, ...).
        source: where it comes from and its terms, for the record.
        left_out: files that could not be read and were skipped as wished, each with the reason.
    """

    train: Split
    val: Split
    test: Split
    classes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = field(default=(), kw_only=True)
    bands: tuple[Band, ...] = field(default=(), kw_only=True)
    table: Table | None = field(default=None, kw_only=True)
    palette: tuple[tuple[int, int, int], ...] = field(default=(), kw_only=True)
    forbids: frozenset[str] = frozenset()
    source: str = ""
    left_out: dict[str, str] = field(default_factory=dict)

    def splits(self) -> dict[str, Split]:
        return {"train": self.train, "val": self.val, "test": self.test}

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256("".join(s.digest for s in self.splits().values()).encode()).hexdigest()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.train.images.shape[1:])

    def limited(self, count: int | None) -> "Data":
        """The same with at most `count` examples a split: the first of a fixed shuffle."""
        if count is None:
            return self

        def first(split: Split) -> Split:
            return split.take(np.sort(np.random.default_rng(0).permutation(len(split))[:count]))

        return self.each(first)

    def few(self, shots: str | None, seed: int) -> "Data":
        """The same with so few training examples; see `lab.inputs.shots`."""
        return self if shots is None else replace(self, train=few.of(self.train, shots, seed))

    def each(self, change: Callable[[Split], Split]) -> "Data":
        """The same with each split changed."""
        return replace(self, train=change(self.train), val=change(self.val), test=change(self.test))

    def without(self, names: Sequence[str]) -> "Data":
        """The same without some classes and their examples; the others keep their order.

        In masks, the pixels of these classes are ignored.

        Raises:
            BadInput: there is no such class.
        """
        if not names:
            return self
        if unknown := [n for n in names if n not in self.classes]:
            near = difflib.get_close_matches(unknown[0], self.classes, 3, 0.5) or self.classes[:10]
            raise BadInput(f"--drop-classes {unknown[0]!r}: no such class; there are {', '.join(near)}")
        kept = [i for i, c in enumerate(self.classes) if c not in names]
        number = np.full(256, IGNORED) if self.train.has_masks else np.full(len(self.classes), -1)
        number[kept] = np.arange(len(kept))

        def kept_of(split: Split) -> Split:
            if split.has_masks:
                pixels = None if split.pixels is None else split.pixels[:, kept]
                return replace(split, labels=_renumbered(split.labels, number.astype("uint8")), pixels=pixels)
            part = split.take(np.flatnonzero(number[split.labels] >= 0))
            return replace(part, labels=number[part.labels])

        palette = tuple(self.palette[i] for i in kept) if self.palette else ()
        return replace(self.each(kept_of), classes=tuple(self.classes[i] for i in kept), palette=palette)


def _bytes(labels: Array) -> bytes:
    """What labels are, the same on every machine."""
    return labels.astype("<f8" if labels.dtype.kind == "f" else "<i8").tobytes()


def _renumbered(masks: Any, table: Array) -> Any:
    """Masks (N, H, W) with each label replaced by what a table (256,) gives for it."""
    return table[masks] if isinstance(masks, np.ndarray) else masks.map(lambda mask: table[mask])


def _subset(items: Any, indices: Array) -> Any:
    """Some of the items: read later where they are read on demand."""
    return getattr(items, "subset", items.__getitem__)(indices)


def hw(size: int | str) -> tuple[int, int]:
    """(height, width) in pixels of a size: 64 is a square, 240x180 is 240 wide and 180 high."""
    if isinstance(size, int):
        return size, size
    width, _, height = size.partition("x")
    return int(height or width), int(width)


def parted(whole: Split, parts: dict[str, Array], **about: Any) -> Data:
    """A data set of examples and the indices of those in train, val and test."""
    return Data(whole.take(parts["train"]), whole.take(parts["val"]), whole.take(parts["test"]), **about)


@lru_cache(10_000)  # asked of every example, and there are few classes
def printable(name: str, where: str) -> str:
    """A class's name, if it can be shown in a terminal and in a table.

    Raises:
        BadInput: it is empty, absurdly long, has control characters or bytes that are no text, or is a formula to
            the spreadsheets that open what the lab writes.
    """
    if not name.strip() or not name.isprintable():
        raise BadInput(f"{where}: the class name {name[:LONGEST]!r} cannot be printed; rename it")
    if len(name) > LONGEST:
        raise BadInput(f"{where}: a class name has {len(name):,} characters, {name[:30]} ...; {LONGEST} are allowed")
    if re.match(r"[=@]|[+-](?![\d.]+$)", name) and name not in "+-":
        raise BadInput(
            f"{where}: the class name {name} is a formula to a spreadsheet, as it begins with {name[0]}; rename it"
        )
    return name


def dropped(text: str | None) -> list[str]:
    """The classes of `--drop-classes`; one with a comma in its name stands in quotes.

    Raises:
        BadInput: they are not one line.
    """
    try:
        return [w.strip() for w in next(csv.reader([text], skipinitialspace=True)) if w.strip()] if text else []
    except csv.Error as error:
        raise BadInput(
            f"--drop-classes takes names with commas between them; received {text!r:.200}: {error}"
        ) from None


def in_order(labels: set[str]) -> list[str]:
    """Names of classes in alphabetical order; numbers, where all are, in theirs."""
    return sorted(labels, key=int if all(re.fullmatch(r"\d+", name, re.ASCII) for name in labels) else str)


def filled(data: Data) -> Data:
    """The data, if there are examples of each split.

    Raises:
        BadInput: a split is empty.
    """
    for name, split in data.splits().items():
        if not len(split):
            raise BadInput(f"the {name} split is empty; every data set needs train, val and test examples")
    return data


def train_indices(count: int, batch_size: int, seed: int, phase: int, step: int) -> Array:
    """Which of `count` examples step `step` (from 0) of a phase trains on, (batch_size,).

    Batches are cut from an endless row of permutations, each its own function of (seed, phase,
    number), so every batch is full, every example is seen equally often, and no state is kept.
    """
    first, last = step * batch_size, (step + 1) * batch_size
    rounds = range(first // count, (last - 1) // count + 1)
    row = np.concatenate([np.random.default_rng([seed, phase, r]).permutation(count) for r in rounds])
    return row[first - rounds[0] * count :][:batch_size]


def balanced_indices(members: Sequence[Array], batch_size: int, seed: int, phase: int, step: int) -> Array:
    """The same with every class as often: `members` are the indices of each class's examples.

    The classes take turns in a shuffled order, and each goes through its own endless row of permutations.
    """
    positions = np.arange(step * batch_size, (step + 1) * batch_size)
    chosen = []
    for turn, place in zip(*np.divmod(positions, len(members)), strict=True):
        label = int(_shuffled(len(members), seed, phase, int(turn))[place])
        round_, own = divmod(int(turn), len(members[label]))
        chosen.append(members[label][_shuffled(len(members[label]), seed, phase, round_, label)[own]])
    return np.array(chosen)


@lru_cache(256)
def _shuffled(count: int, *key: int) -> Array:
    return np.random.default_rng(key).permutation(count)


def evenly(count: int, most: int) -> Array:
    """At most so many indices, evenly over `count`: data sets are often sorted by class."""
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def eval_batches(count: int, batch_size: int):
    """Yields (indices (batch_size,), how many of them count): nothing is dropped.

    The last batch is filled up with its first example, so that every batch has one shape and
    nothing is compiled twice.
    """
    for start in range(0, count, batch_size):
        indices = np.arange(start, min(start + batch_size, count))
        real = len(indices)
        yield np.concatenate([indices, np.full(batch_size - real, start)]), real
