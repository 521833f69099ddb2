"""What tables have in common: rows given as images of one pixel, whose bands are the columns."""

from dataclasses import dataclass

from lab.datasets import Dataset
from lab.errors import BadInput


@dataclass(frozen=True)
class Tabular(Dataset):
    """Rows of a table. Its `Data` have images (N, 1, 1, F) float32; NaN is a number that is missing."""

    is_table = True
    shareable = False

    @property
    def size(self):
        return 1

    def told(self, size, group, skip_corrupt):
        if size != 1:
            raise BadInput(f"--size {size} is for images, and {self} is a table; leave it out")
        return super().told(size, group, skip_corrupt)

    def bands_of(self, data_dir):
        return self.load(data_dir).bands
