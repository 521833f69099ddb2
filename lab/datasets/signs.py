from dataclasses import dataclass
from typing import Annotated

from lab.datasets import Dataset
from lab.inputs.data import Data
from lab.names import Between

COUNT = Annotated[int, Between(1, 100_000)]

# Glyphs of the drawing language in `_drawing.py`; "@20" writes a number.
CAR = "P {a} 62 {b} 62 {b} 80 {a} 80;P {c} 44 {d} 44 {d} 62 {c} 62;D {e} 82 7;D {f} 82 7"
LEFT_CAR = "!" + CAR.format(a=0, b=44, c=8, d=36, e=10, f=34).replace(";", ";!")
RIGHT_CAR = CAR.format(a=56, b=100, c=64, d=92, e=66, f=90)
LEFT_LORRY = "!P 0 25 30 25 30 80 0 80;!P 32 45 46 45 46 80 32 80;!D 10 84 7;!D 36 84 7"
LORRY = "P 0 25 60 25 60 72 0 72;P 64 40 96 40 100 72 64 72;D 18 78 11;D 78 78 11"
GREY_CARS = (LEFT_CAR + ";" + RIGHT_CAR).replace("!", "")
GREY_LORRY = (LEFT_LORRY + ";" + RIGHT_CAR).replace("!", "")

ADULT = "L 72 22 72 60 56 98;L 72 60 92 98"

LIMITS = [(f"speed limit {n}", "limit", f"@{n}") for n in (20, 30, 50, 60, 70, 80)]
SIGNS: list[tuple[str, str, str]] = [
    *LIMITS,
    ("end of speed limit 80", "end", "@80"),
    ("speed limit 100", "limit", "@100"),
    ("speed limit 120", "limit", "@120"),
    ("no overtaking", "limit", f"{LEFT_CAR};{RIGHT_CAR}"),
    ("no overtaking by lorries", "limit", f"{LEFT_LORRY};{RIGHT_CAR}"),
    ("priority at the next crossing", "warning", "P 50 0 70 30 57 30 57 100 43 100 43 30 30 30;L 10 55 90 55"),
    ("priority road", "priority", ""),
    ("give way", "give way", ""),
    ("stop", "stop", "@STOP"),
    ("no vehicles", "limit", ""),
    ("no lorries", "limit", LORRY),
    ("no entry", "no entry", "P 0 38 100 38 100 62 0 62"),
    ("danger", "warning", "P 40 0 60 0 56 65 44 65;D 50 86 11"),
    ("bend to the left", "warning", "L 70 100 70 45 30 30;P 0 25 38 5 38 55"),
    ("bend to the right", "warning", "L 30 100 30 45 70 30;P 100 25 62 5 62 55"),
    ("double bend", "warning", "L 60 100 60 70 35 50 60 28 60 20;P 60 0 40 26 82 26"),
    ("uneven road", "warning", "P 0 90 22 50 44 90;P 50 90 74 50 98 90"),
    ("slippery road", "warning", "P 20 10 60 10 70 45 12 45;L 18 95 35 75 20 60;L 55 95 72 75 58 60"),
    ("road narrows", "warning", "L 20 100 20 60 35 40 35 0;L 80 100 80 60 58 40 58 0"),
    ("road works", "warning", "D 45 10 11;L 45 22 30 55 55 70 50 98;L 30 55 10 98;L 42 32 80 58;P 60 98 80 68 100 98"),
    ("traffic lights", "warning", "!D 50 12 15;L 30 50 70 50;D 50 50 13;O 50 86 13"),
    ("pedestrians", "warning", "D 52 10 11;L 52 22 50 58 28 98;L 50 58 74 98;L 20 50 50 30 82 48"),
    ("children", "warning", "D 26 20 10;L 26 32 26 62 10 98;L 26 62 40 98;L 30 42 68 34;D 72 10 11;" + ADULT),
    ("bicycles", "warning", "O 22 70 22;O 78 70 22;L 22 70 45 30 78 70 40 70 62 25;L 55 25 75 25"),
    ("ice or snow", "warning", "L 50 0 50 100;L 6 25 94 75;L 94 25 6 75"),
    ("wild animals", "warning", "P 8 45 40 30 75 32 100 8 92 42 70 55 15 60;L 20 58 5 95;L 62 55 85 95;L 78 30 72 0"),
    ("end of all limits", "end", ""),
    ("turn right", "blue", "L 15 98 15 50 62 50;P 100 50 58 18 58 82"),
    ("turn left", "blue", "L 85 98 85 50 38 50;P 0 50 42 18 42 82"),
    ("straight ahead", "blue", "L 50 100 50 40;P 50 0 16 44 84 44"),
    ("straight ahead or right", "blue", "L 30 100 30 30;P 30 0 8 34 52 34;L 30 65 66 65;P 100 65 64 42 64 88"),
    ("straight ahead or left", "blue", "L 70 100 70 30;P 70 0 48 34 92 34;L 70 65 34 65;P 0 65 36 42 36 88"),
    ("keep right", "blue", "L 12 10 66 66;P 96 98 40 86 84 40"),
    ("keep left", "blue", "L 88 10 34 66;P 4 98 60 86 16 40"),
    ("roundabout", "blue", "O 50 50 34;P 50 0 50 36 76 18;P 92 74 62 58 62 92;P 6 72 38 90 14 44"),
    ("end of no overtaking", "end", GREY_CARS),
    ("end of no overtaking by lorries", "end", GREY_LORRY),
]  # fmt: skip


@dataclass(frozen=True)
class Signs(Dataset):
    """43 classes of traffic signs, drawn by the lab: perspective, blur, light, occlusion, background."""

    train: COUNT = 10  # examples of each class
    val: COUNT = 5
    test: COUNT = 20
    seed: Annotated[int, Between(0, 2**31 - 1)] = 0

    def load(self, data_dir):
        from lab.scenery.photos import photos

        classes = [(name, PLATES()[plate], glyph) for name, plate, glyph in SIGNS]
        train, val, test = photos(classes, (self.train, self.val, self.test), self.seed, self.size)
        return Data(
            train, val, test,
            classes=tuple(name for name, _, _ in SIGNS),
            forbids=frozenset({"horizontal_flip", "vertical_flip"}),  # left and right are classes
            source="drawn by the lab",
        )  # fmt: skip


def PLATES():
    """The plates of road signs, by the names used in `SIGNS`."""
    from lab.scenery.drawing import Plate

    red, white, black, blue = (190, 20, 30), (240, 240, 240), (15, 15, 15), (20, 70, 170)
    return {
        "limit": Plate("disk", white, red, black),
        "end": Plate("disk", white, (110, 110, 110), (120, 120, 120), edge=0.04, slash=True),
        "warning": Plate("triangle", white, red, black, edge=0.09),
        "give way": Plate("inverted", white, red, black, edge=0.12),
        "priority": Plate("diamond", (245, 200, 20), white, black, edge=0.1),
        "stop": Plate("octagon", red, white, white, edge=0.04),
        "no entry": Plate("disk", red, white, white, edge=0.03),
        "blue": Plate("disk", blue, white, white, edge=0.03),
    }
