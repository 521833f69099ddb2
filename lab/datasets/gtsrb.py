import csv
import io
import re
from dataclasses import dataclass
from typing import Annotated

from lab.data import Data
from lab.datasets import Dataset, digest_of
from lab.datasets.signs import SIGNS
from lab.errors import BadInput
from lab.names import Between

CLASSES = tuple(name for name, _, _ in SIGNS)  # `signs` draws the same 43, in the benchmark's order
VALIDATION = 0.15  # of the tracks of each class


@dataclass(frozen=True)
class Gtsrb(Dataset):
    """German Traffic Sign Recognition Benchmark, 39,209 training and 12,630 test images of 43 classes.

    Reads the Kaggle layout, a folder or a zip: `Train.csv`, `Test.csv` and the images they name,
    `CLASS_TRACK_FRAME.png`. A track is some 30 frames of one physical sign, so validation takes
    whole tracks, 15 % of each class's. Stallkamp et al. 2012, https://doi.org/10.1016/j.neunet.2012.02.016
    """

    embedded = False
    shareable = False

    px: Annotated[int, Between(8, 1024)] = 32  # images are read at this height and width

    @property
    def size(self):
        return self.px

    def fingerprint(self, data_dir):
        files = _open(data_dir)
        return f"{self}-v{self.version}-{digest_of(files.checksums(('.png', '.csv')))[:32]}"

    def load(self, data_dir):
        import numpy as np

        from lab.data import Split

        files = _open(data_dir)
        train_rows, test_rows = _rows(files, "Train.csv"), _rows(files, "Test.csv")
        held_out = _validation_tracks([name for name, _ in train_rows])

        def split(rows: list[tuple[str, int]]) -> Split:
            images = np.empty((len(rows), self.px, self.px, 3), "uint8")
            for i, (name, _) in enumerate(rows):
                images[i] = files.image(name, self.px)
            return Split(images, np.array([y for _, y in rows], "int64"), np.array([n for n, _ in rows]))

        return Data(
            train=split([r for r in train_rows if _track(r[0]) not in held_out]),
            val=split([r for r in train_rows if _track(r[0]) in held_out]),
            test=split(test_rows),
            classes=CLASSES,
            forbids=frozenset({"horizontal_flip", "vertical_flip"}),
            source="GTSRB, Stallkamp et al. 2012, free for research",
        )


def _open(data_dir: str | None):
    from lab.datasets._files import Files

    return Files(data_dir, "gtsrb")


def _rows(files, table: str) -> list[tuple[str, int]]:
    """(image's name, label) of each row of Train.csv or Test.csv, wherever in the folder it is."""
    found = sorted((n for n in files.names if n.split("/")[-1] == table), key=len)
    if not found:
        raise BadInput(
            f"{files.path.name} has no {table}; gtsrb reads the Kaggle layout (Train.csv, Test.csv, Train/, Test/)"
        )
    prefix = found[0].removesuffix(table)
    rows = []
    try:
        reader = csv.DictReader(io.StringIO(files.read(found[0]).decode("utf-8-sig")))
        for number, row in enumerate(reader, 2):
            name, label = prefix + row["Path"], int(row["ClassId"])
            if not 0 <= label < len(CLASSES):
                raise BadInput(f"{found[0]} line {number}: class {label}; classes are 0 to {len(CLASSES) - 1}")
            if name not in files.names:
                raise BadInput(f"{found[0]} line {number} names {row['Path']}, which is not there")
            rows.append((name, label))
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise BadInput(f"{found[0]} is not a table with the columns ClassId and Path ({error!r})") from None
    return rows


def _track(name: str) -> tuple[str, str]:
    """(class, track) of `Train/CLASS/CLASS_TRACK_FRAME.png`."""
    match = re.fullmatch(r"(\d+)_(\d+)_\d+\.\w+", name.split("/")[-1])
    if not match:
        raise BadInput(f"{name} is not named CLASS_TRACK_FRAME.png, so its track is unknown")
    return match[1], match[2]


def _validation_tracks(names: list[str]) -> set[tuple[str, str]]:
    """A fixed 15 % of each class's tracks, one at least."""
    import numpy as np

    tracks: dict[str, list[tuple[str, str]]] = {}
    for key in sorted({_track(n) for n in names}):
        tracks.setdefault(key[0], []).append(key)
    rng, chosen = np.random.default_rng(0), set()
    for _, members in sorted(tracks.items()):
        count = max(1, round(VALIDATION * len(members)))
        chosen |= {members[i] for i in rng.permutation(len(members))[:count]}
    return chosen
