"""A list of classes in a file of its own: `classes.txt`, `classes.csv`, with or without colours."""

import csv
import io
import re
from collections.abc import Iterable
from typing import NamedTuple

from lab.errors import BadInput
from lab.inputs.data import IGNORED, printable
from lab.inputs.folders import Files

VOID = ("void", "ignore", "ignored", "unlabelled", "unlabeled")  # names of no class: its pixels are ignored
LISTS = ("classes.txt", "classes.csv", "class_dict.csv", "label_colors.txt")
NAMES = ("name", "class", "class_name", "class_names", "label")
COLOURS = (("r", "red"), ("g", "green"), ("b", "blue"))


class Classes(NamedTuple):
    """The classes of masks.

    Attributes:
        names: in the order of their labels, the void ones left out.
        labels: the label of each line of the list, `IGNORED` for a void one.
        colours: of each line, 0xRRGGBB; empty where the list gives none.
    """

    names: tuple[str, ...]
    labels: list[int]
    colours: list[int]

    def palette(self) -> tuple[tuple[int, int, int], ...]:
        """The colour of each class: as listed, or from a fixed row."""
        if not self.colours:
            return palette(len(self.names))
        return tuple(rgb_of(c) for c, label in zip(self.colours, self.labels, strict=True) if label != IGNORED)


def numbered(lines: list[str], colours: list[int], where: str) -> Classes:
    """The classes that the lines of a list name; a name such as `void` stands for pixels to be ignored.

    Raises:
        BadInput: a name occurs twice or cannot be printed, or there are none or too many.
    """
    names: list[str] = []
    labels = []
    for line in lines:
        name = printable(line, where)
        if name.lower() in VOID:
            labels.append(IGNORED)
            continue
        if name in names:
            raise BadInput(f"{where} names {name!r} twice; a class has one name")
        labels.append(len(names))
        names.append(name)
    if not 0 < len(names) < IGNORED:
        raise BadInput(f"{where} names {len(names)} classes; there may be 1 to {IGNORED - 1}")
    for colour in (repeated := [c for c in colours if colours.count(c) > 1])[:1]:
        both = [line for line, c in zip(lines, colours, strict=True) if c == repeated[0]]
        raise BadInput(f"{where} gives {both[0]!r} and {both[1]!r} one colour, {rgb_of(colour)}")
    return Classes(tuple(names), labels, colours)


def listed(files: Files) -> Classes | None:
    """The list that lies highest among the files; None where there is none.

    Raises:
        BadInput: names the file and the line that is wrong.
    """
    found = [n for n in files.names if n.rpartition("/")[2].lower() in LISTS]
    if not found:
        return None
    name = min(found, key=lambda n: (n.count("/"), LISTS.index(n.rpartition("/")[2].lower()), n))
    where = files.called(name)
    try:
        text = files.read(name).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{where} is no text in UTF-8; save it as such") from None
    return numbered(*(_table if name.lower().endswith(".csv") else _lines)(text, where), where)


def _lines(text: str, where: str) -> tuple[list[str], list[int]]:
    """A name a line, or `r g b name`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    matches = [re.fullmatch(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(.+)", line) for line in lines]
    if not lines or not all(matches):
        return lines, []
    return [m[4] for m in matches if m], [_colour(m.groups()[:3], where, i) for i, m in enumerate(matches, 1) if m]


def _table(text: str, where: str) -> tuple[list[str], list[int]]:
    """A column of names and, or not, three of colours; without a header, names in the first column."""
    try:
        rows = [[c.strip() for c in row] for row in csv.reader(io.StringIO(text)) if any(c.strip() for c in row)]
    except csv.Error as error:
        raise BadInput(f"{where} cannot be read as a table: {error}; save it again as CSV") from None
    header = [c.lower() for c in rows[0]] if rows else []
    column = next((header.index(n) for n in NAMES if n in header), None)
    if column is None:
        wanted = "name, or name, r, g, b"
        raise BadInput(f"{where} has the columns {', '.join(header) or 'none'}; it needs {wanted}")
    places = [next((header.index(n) for n in ns if n in header), None) for ns in COLOURS]
    names, colours = [], []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise BadInput(f"{where} line {number} has {len(row)} columns; the first line has {len(header)}")
        names.append(row[column])
        if None not in places:
            colours.append(_colour([row[p] for p in places if p is not None], where, number))
    return names, colours


def _colour(words, where: str, line: int) -> int:
    if not all(re.fullmatch(r"\d{1,3}", w) and int(w) < 256 for w in words):
        raise BadInput(f"{where} line {line} has the colour {', '.join(words)}; each is a number from 0 to 255")
    return int.from_bytes(bytes(int(w) for w in words))


def rgb_of(colour: int) -> tuple[int, int, int]:
    """(red, green, blue) of 0xRRGGBB."""
    return colour >> 16, colour >> 8 & 255, colour & 255


def palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """So many colours, those of PASCAL VOC (Everingham et al. 2010): the first is black, any two are far apart.

    Bit i of the three lowest bits of a number goes to bit 7 of red, green and blue, the next three to bit 6, ...
    """
    return tuple(
        tuple(sum((number >> 3 * bit + band & 1) << 7 - bit for bit in range(3)) for band in range(3))  # type: ignore[misc]
        for number in range(count)
    )


def as_list(classes: Iterable[str]) -> str:
    """The text of such a file: a class on each line; the first is number 0."""
    return "".join(" ".join(c.split()) + "\n" for c in classes)
