"""GTSRB as image files, in Kaggle's layout and in the benchmark's own: which files, labels and tracks."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

import numpy as np

from lab.datasets import digest_of
from lab.datasets._gtsrb_classes import CLASSES, FETCH
from lab.errors import BadInput
from lab.inputs.data import Split
from lab.inputs.folders import Files

VALIDATION = 0.15  # of the tracks of each class
IMAGES = (".ppm", ".png")

Track = tuple[str, str]  # class and number, as the file's name spells them


class Row(NamedTuple):
    """An image: its name among the files, its name in the split, its label; in training its track."""

    name: str
    id: str
    label: int
    track: Track = ("", "")


@dataclass(frozen=True)
class Kaggle:
    """`Train.csv` and `Test.csv` with the columns ClassId and Path, and images `CLASS_TRACK_FRAME.png`."""

    files: Files
    note = ""

    @staticmethod
    def is_in(files: Files) -> bool:
        return any(_last(n) in ("Train.csv", "Test.csv") for n in files.names)

    def fingerprint(self) -> str:
        return digest_of(self.files.checksums((".png", ".csv")))[:32]

    def splits(self, px: int) -> tuple[Split, Split, Split]:
        train, test = self._table("Train.csv"), self._table("Test.csv")
        folder = self._find("Train.csv").removesuffix("Train.csv") + "Train"
        refuse_empty(self.files, {f for f in self.files.folders if re.fullmatch(re.escape(folder) + r"/\d+", f)})
        return by_track(self.files, [r._replace(track=self._track(r.name)) for r in train], test, px)

    def _table(self, table: str) -> list[Row]:
        name = self._find(table)
        return [Row(n, n, label) for n, label in rows(self.files, name, "Path", ",", name.removesuffix(table))]

    def _find(self, table: str) -> str:
        """The table, wherever in the folder it is."""
        found = sorted((n for n in self.files.names if _last(n) == table), key=lambda n: (len(n), n))
        if not found:
            raise BadInput(
                f"{self.files.title} has no {table}; the Kaggle layout is Train.csv, Test.csv, Train/ and Test/"
            )
        return found[0]

    @staticmethod
    def _track(name: str) -> Track:
        match = re.fullmatch(r"(\d+)_(\d+)_\d+\.\w+", _last(name))
        if not match:
            raise BadInput(f"{name} is not named CLASS_TRACK_FRAME.png, so its track is unknown")
        return match[1], match[2]


@dataclass(frozen=True)
class Benchmark:
    """`Final_Training/Images/CLASS/TRACK_FRAME.ppm`, each class with a `GT-CLASS.csv`, and `Final_Test/Images/`.

    The labels of the test images are in `GT-final_test.csv`, which comes in an archive of its own;
    `GT-final_test.test.csv`, beside the images, has none. An older archive of the training images, of
    26,640, has `Training/CLASS/`.
    """

    files: Files
    note = ""

    @staticmethod
    def is_in(files: Files) -> bool:
        return any(n.endswith(".ppm") or re.fullmatch(r"GT-\w+\.csv", _last(n)) for n in files.names)

    def fingerprint(self) -> str:
        """By the names that all archives have in common, so that it is the same packed, unpacked and repacked."""
        train, test = self._train(), self._test()
        used = {n: self._id(n, train) for n in self.files.names if n.startswith(f"{train}/")}
        used |= {n: self._id(n, test) for n in self.files.names if n.startswith(f"{test}/") and n.endswith(".ppm")}
        used[self._labels()] = "GT-final_test.csv"
        kept = (n for n in used if n.endswith((".ppm", ".csv")))
        return digest_of(sorted(f"{used[n]} {self.files.checksum(n):08x}" for n in kept))[:32]

    def splits(self, px: int) -> tuple[Split, Split, Split]:
        train, test = self._train(), self._test()
        inside = re.compile(re.escape(train) + r"/\d{5}")
        folders = {f for f in self.files.folders if inside.fullmatch(f)}
        folders |= {n.rpartition("/")[0] for n in self.files.names if inside.fullmatch(n.rpartition("/")[0])}
        refuse_empty(self.files, folders)
        learnt = [row for folder in sorted(folders) for row in self._class(folder, train)]
        labels = rows(self.files, self._labels(), "Filename", ";", f"{test}/")
        return by_track(self.files, learnt, [Row(n, self._id(n, test), label) for n, label in labels], px)

    def _class(self, folder: str, train: str) -> list[Row]:
        number = _last(folder)
        table = f"{folder}/GT-{number}.csv"
        if table not in self.files.names:
            raise BadInput(f"{self.files.called(folder)} has no GT-{number}.csv; unpack the archive again")
        found = []
        for name, label in rows(self.files, table, "Filename", ";", f"{folder}/"):
            track = re.fullmatch(r"(\d+)_\d+\.\w+", _last(name))
            if not track:
                raise BadInput(f"{name} is not named TRACK_FRAME.ppm, so its track is unknown")
            if label != int(number):
                raise BadInput(f"{table} gives {_last(name)} the class {label}, in the folder of class {int(number)}")
            found.append(Row(name, self._id(name, train), label, (number, track[1])))
        return found

    def _train(self) -> str:
        found = self._roots(r"((?:.*/)?Final_Training/Images)/\d{5}/[^/]+")
        found = found or self._roots(r"((?:.*/)?Training)/\d{5}/[^/]+")
        return found[0] if found else self._lacks("Final_Training/Images/", "GTSRB_Final_Training_Images.zip")

    def _test(self) -> str:
        found = self._roots(r"((?:.*/)?Final_Test/Images)/[^/]+\.ppm")
        return found[0] if found else self._lacks("Final_Test/Images/", "GTSRB_Final_Test_Images.zip")

    def _labels(self) -> str:
        found = self._roots(r"((?:.*/)?GT-final_test\.csv)")
        return found[0] if found else self._lacks("GT-final_test.csv", "GTSRB_Final_Test_GT.zip")

    def _roots(self, pattern: str) -> list[str]:
        """What the pattern's group matches in the names, the one nearest to the top first."""
        matches = {m[1] for m in map(re.compile(pattern).fullmatch, self.files.names) if m}
        return sorted(matches, key=lambda n: (len(n), n))

    def _lacks(self, what: str, archive: str) -> NoReturn:
        raise BadInput(f"{self.files.title} has no {what}; put {archive} there, packed or not; all three: {FETCH}")

    @staticmethod
    def _id(name: str, root: str) -> str:
        """The name from `Final_Training`, `Training` or `Final_Test` on."""
        outside = re.sub(r"(^|/)(Final_\w+/Images|Training)$", "", root)
        return name.removeprefix(outside).lstrip("/")


def rows(files: Files, table: str, column: str, delimiter: str, folder: str) -> list[tuple[str, int]]:
    """(image's name, label) of each row of a table, whose images are named from `folder` on.

    Raises:
        BadInput: names the table and the line that is wrong.
    """
    found = []
    called = files.called(table)
    wrong = f"{called} is not a table with the columns ClassId and {column}, separated by {delimiter!r}"
    try:
        reader = csv.DictReader(io.StringIO(files.read(table).decode("utf-8-sig")), delimiter=delimiter)
        if not {column, "ClassId"} <= set(reader.fieldnames or ()):
            raise BadInput(wrong)
        for row in reader:
            name, label = folder + row[column], int(row["ClassId"])
            if not 0 <= label < len(CLASSES):
                raise BadInput(
                    f"{called} line {reader.line_num}: class {label}; classes are 0 to {len(CLASSES) - 1}; correct it"
                )
            if name not in files.names:
                raise BadInput(
                    f"{called} line {reader.line_num} names {row[column]}, which is not there; "
                    "unpack the archive again, or remove the line"
                )
            found.append((name, label))
    except (TypeError, ValueError, csv.Error) as error:
        raise BadInput(f"{wrong} ({str(error)[:100]})") from None
    if not found:
        raise BadInput(f"{called} lists no image; unpack the archive again, or leave the class out")
    return found


def refuse_empty(files: Files, folders: Iterable[str]) -> None:
    """Refuses a class's folder that holds no image: what was unpacked is not whole.

    Raises:
        BadInput: names the folder.
    """
    filled = {n.rpartition("/")[0] for n in files.names if n.lower().endswith(IMAGES)}
    if empty := sorted(set(folders) - filled):
        raise BadInput(f"{files.called(empty[0])} holds no image; unpack the archive again, or remove the folder")


def by_track(files: Files, train: list[Row], test: list[Row], px: int) -> tuple[Split, Split, Split]:
    """The three splits; validation takes whole tracks of the training images."""
    held_out = validation_tracks({r.track for r in train})

    def split(chosen: list[Row]) -> Split:
        images = np.empty((len(chosen), px, px, 3), "uint8")
        for i, row in enumerate(chosen):
            images[i] = files.image(row.name, px)
        return Split(images, np.array([r.label for r in chosen], "int64"), np.array([r.id for r in chosen]))

    return (
        split([r for r in train if r.track not in held_out]),
        split([r for r in train if r.track in held_out]),
        split(test),
    )


def validation_tracks(tracks: set[Track]) -> set[Track]:
    """A fixed 15 % of each class's tracks, one at least.

    Raises:
        BadInput: a class has a single track, so that nothing would be left to learn from.
    """
    members: dict[str, list[Track]] = {}
    for key in sorted(tracks):
        members.setdefault(key[0], []).append(key)
    rng, chosen = np.random.default_rng(0), set()
    for number, own in sorted(members.items()):
        if len(own) < 2:
            raise BadInput(
                f"class {number} has one track, {own[0][1]}, only; validation takes whole tracks, so that it needs "
                "two: add images of another, or leave the class out"
            )
        count = max(1, round(VALIDATION * len(own)))
        chosen |= {own[i] for i in rng.permutation(len(own))[:count]}
    return chosen


def _last(name: str) -> str:
    return name.rpartition("/")[2]
