from dataclasses import dataclass
from typing import Annotated

from lab.channels import Channels, colours_of
from lab.errors import BadInput
from lab.inputs.bands import COLOURS, nearest_colour, place
from lab.names import Between


@dataclass(frozen=True)
class Merge(Channels):
    """Means of similar bands in place of one, as `merge(red='red+red_edge')`: less noise; nothing is new.

    Left out, a colour is the mean of its own band and of those within `reach` nm of it that no other colour is nearer
    to. Each band given counts as often as it is named. A mean, since a sum would leave the range of values that the
    weights expect.
    """

    red: str | None = None
    green: str | None = None
    blue: str | None = None
    reach: Annotated[float, Between(0, 10_000)] = 100.0  # nm

    def check(self, bands):
        self._matrix(bands)

    def _matrix(self, bands):
        """(C, 3): how much of each band goes into red, green and blue."""
        own, matrix = colours_of(bands, self), [[0.0, 0.0, 0.0] for _ in bands]
        for colour, name in enumerate(COLOURS):
            for i in self._members(bands, own, colour, getattr(self, name)):
                matrix[i][colour] += 1
        totals = [sum(row[c] for row in matrix) for c in range(3)]
        return [[v / t for v, t in zip(row, totals, strict=True)] for row in matrix]

    def _members(self, bands, own, colour, said):
        if said is not None:
            if not said.strip():
                raise BadInput(f"--channels {self}: {COLOURS[colour]} is made of no band; name some, as 'red+nir'")
            return [place(bands, word.strip(), "--channels merge:") for word in said.split("+")]
        return [
            i for i, band in enumerate(bands) if i == own[colour] or (i not in own and self._joins(band, bands, colour))
        ]

    def _joins(self, band, bands, colour):
        centre = bands[colours_of(bands, self)[colour]].wavelength
        return nearest_colour(band, bands) == colour and abs(band.wavelength - centre) <= self.reach

    def rgb(self, images, bands):
        from lab.layers.inputs import Mix

        return Mix(self._matrix(bands), name="merge")(images)
