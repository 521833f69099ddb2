from dataclasses import dataclass
from math import cos, radians, sin
from typing import Annotated

import numpy as np

from lab.datasets import Dataset
from lab.inputs.data import Data, Split
from lab.names import Between

COUNT = Annotated[int, Between(1, 100_000)]
FIRST, SWEEP = 225.0, 270.0  # degrees, anticlockwise from the right: where 0 is, and from there to 100


@dataclass(frozen=True)
class Gauges(Dataset):
    """Drawn pressure gauges and the number from 0 to 100 that the needle points to."""

    task = "regression"

    train: COUNT = 400  # images
    val: COUNT = 100
    test: COUNT = 300
    seed: Annotated[int, Between(0, 2**31 - 1)] = 0

    def load(self, data_dir):
        counts = {"train": self.train, "val": self.val, "test": self.test}
        splits = [self._split(number, name, count) for number, (name, count) in enumerate(counts.items())]
        train, val, test = splits
        return Data(
            train, val, test, numbers=("reading",),
            forbids=frozenset({"horizontal_flip", "vertical_flip"}),  # a mirrored gauge reads another number
            source="drawn by the lab",
        )  # fmt: skip

    def _split(self, number: int, name: str, count: int) -> Split:
        """Images (N, H, W, 3) uint8 and readings (N, 1): each picture its own function of (seed, split, number)."""
        from lab.scenery.drawing import Plate, draw, photograph

        plate = Plate("disk", (240, 240, 235), (60, 60, 65), (15, 15, 15), edge=0.06)
        images, readings = np.empty((count, self.size, self.size, 3), "uint8"), np.empty((count, 1))
        for i in range(count):
            rng = np.random.default_rng([self.seed, number, i])
            readings[i] = rng.uniform(0, 100)
            images[i] = photograph(draw(plate, dial(float(readings[i, 0]))), rng, self.size)
        return Split(images, readings, np.array([f"{name}/{i:05d}" for i in range(count)]))


def dial(reading: float) -> str:
    """A scale with ticks and a needle, in the language of `lab.scenery.drawing`."""
    ticks = [f"D {_point(value, 48)} 5" for value in range(0, 101, 25)]
    return ";".join([*ticks, f"L 50 50 {_point(reading, 40)}", "D 50 50 9"])


def _point(reading: float, far: float) -> str:
    angle = radians(FIRST - SWEEP * reading / 100)
    return f"{50 + far * cos(angle):.2f} {50 - far * sin(angle):.2f}"
