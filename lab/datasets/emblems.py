from dataclasses import dataclass
from typing import Annotated

from lab.datasets import Dataset
from lab.datasets.signs import COUNT
from lab.inputs.data import Data
from lab.names import Between

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I and no O, which look like digits
PLATES = ("green hexagon", "yellow square", "white pentagon")
CLASSES = tuple(f"{letter} on a {plate}" for plate in PLATES for letter in LETTERS)


@dataclass(frozen=True)
class Emblems(Dataset):
    """72 classes of emblems, a letter on one of three plates: the embedded source task."""

    train: COUNT = 250  # examples of each class
    val: COUNT = 10
    test: COUNT = 20
    seed: Annotated[int, Between(0, 2**31 - 1)] = 0

    def load(self, data_dir):
        from lab.scenery.drawing import Plate
        from lab.scenery.photos import photos

        plates = {
            "green hexagon": Plate("hexagon", (20, 120, 60), (235, 235, 235), (240, 240, 240), edge=0.05),
            "yellow square": Plate("square", (240, 205, 40), (20, 20, 20), (20, 20, 20), edge=0.06),
            "white pentagon": Plate("pentagon", (240, 240, 240), (120, 40, 140), (120, 40, 140), edge=0.08),
        }
        classes = [(f"{letter} on a {p}", plates[p], f"@{letter}") for p in PLATES for letter in LETTERS]
        train, val, test = photos(classes, (self.train, self.val, self.test), self.seed, self.size)
        forbids = frozenset({"horizontal_flip", "vertical_flip"})
        return Data(train, val, test, CLASSES, forbids, source="drawn by the lab")
