from dataclasses import dataclass

from lab.channels import Channels, colours_of
from lab.errors import BadInput
from lab.inputs.bands import COLOURS, place


@dataclass(frozen=True)
class Select(Channels):
    """Three bands in place of red, green and blue, as `select('nir','red','green')`; nothing is new.

    Left out: the red, the green and the blue one, whatever else there is.
    """

    bands: tuple[str, ...] = COLOURS

    def check(self, bands):
        self._places(bands)

    def _places(self, bands):
        if self.bands == COLOURS:
            return colours_of(bands, self)
        if len(self.bands) != 3:
            raise BadInput(f"--channels {self} takes three bands; received {len(self.bands)}")
        return tuple(place(bands, name, "--channels select:") for name in self.bands)

    def rgb(self, images, bands):
        from lab.layers.inputs import Mix

        matrix = [[float(i == p) for p in self._places(bands)] for i in range(len(bands))]
        return Mix(matrix, name="select")(images)
