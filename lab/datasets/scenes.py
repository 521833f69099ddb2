from dataclasses import dataclass, replace
from typing import Annotated

from lab.data import Data
from lab.datasets import Dataset
from lab.datasets.signs import COUNT
from lab.errors import BadInput
from lab.names import Between

CLASSES = ("background", "building", "road", "water", "tree", "pool", "vehicle", "grass")
PALETTE = (
    (60, 60, 60), (225, 85, 50), (200, 200, 200), (30, 80, 190),
    (20, 110, 50), (0, 225, 230), (255, 215, 0), (150, 210, 90),
)  # fmt: skip
SALT = 0x5CE4E5  # so that no other data set draws from the same chance


@dataclass(frozen=True)
class Scenes(Dataset):
    """8 classes of land cover in aerial scenes drawn by the lab: roads, roofs, trees, water, pools, vehicles."""

    train: COUNT = 96
    val: COUNT = 24
    test: COUNT = 48
    px: Annotated[int, Between(32, 1024)] = 128  # a scene's side
    sparse: bool = False
    seed: Annotated[int, Between(0, 2**31 - 1)] = 0

    task = "segmentation"

    @property
    def size(self):
        return self.px

    def told(self, size, group, skip_corrupt):
        super().told(size, group, skip_corrupt)
        if not isinstance(size, int) or not 32 <= size <= 1024:
            raise BadInput(f"{self.name} draws squares of 32 to 1024 px; received --size {size}")
        return replace(self, px=size)  # drawn at the size of the run, not resized

    def load(self, data_dir):
        train, val, test = (self._split(i, n) for i, n in enumerate((self.train, self.val, self.test)))
        return Data(train, val, test, CLASSES, palette=PALETTE, source="drawn by the lab")

    def _split(self, split: int, count: int):
        import numpy as np

        from lab.data import Split

        images = np.empty((count, self.px, self.px, 3), "uint8")
        masks = np.empty((count, self.px, self.px), "uint8")
        for number in range(count):
            images[number], masks[number] = scene(self.seed, split, number, self.px, self.sparse)
        return Split(images, masks, np.array([f"{['train', 'val', 'test'][split]}/{i:05d}" for i in range(count)]))


def scene(seed: int, split: int, number: int, px: int, sparse: bool = False):
    """One picture (px, px, 3) and its mask (px, px), uint8: a function of these numbers alone."""
    import numpy as np

    from lab.datasets import _aerial, _landscapes

    layout, texture, camera = np.random.default_rng([SALT, seed, split, number, sparse]).spawn(3)
    land = _aerial.Land(px, layout.uniform(84, 112), texture)
    draw = _landscapes.steppe if sparse else _landscapes.KINDS[number % len(_landscapes.KINDS)]
    draw(_landscapes.Site(land, layout))
    image, mask = _aerial.photograph(land, camera), _aerial.labels(land)
    if number % 10 == 9:
        _aerial.cut(image, mask, layout)
    return image, mask
