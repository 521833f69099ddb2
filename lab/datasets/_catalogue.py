"""What data sets of public catalogues have in common: a name there, and images read at the size of the run."""

from dataclasses import dataclass, replace

from lab.datasets import Dataset


@dataclass(frozen=True)
class Catalogued(Dataset):
    """A data set `of` a catalogue, by its name there."""

    embedded = False
    shareable = False

    of: str = ""
    px: int | str | None = None  # the size that they are read at; None: the run's

    @property
    def size(self):
        return self.px

    def told(self, size, group, skip_corrupt):
        super().told(size, group, skip_corrupt)
        return replace(self, px=self.px or size)
