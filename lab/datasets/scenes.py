from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np

from lab.datasets import Dataset
from lab.datasets.signs import COUNT
from lab.errors import BadInput
from lab.inputs.data import Data, Split
from lab.names import Between

SALT = 0x5CE4E5  # names the data set, so that it shares its chance with no other
CLASSES = ("background", "building", "road", "water", "tree", "pool", "vehicle", "grass")
PALETTE = (
    (60, 60, 60),  # dark grey
    (225, 85, 50),  # orange red
    (200, 200, 200),  # light grey
    (30, 80, 190),  # blue
    (20, 110, 50),  # dark green
    (0, 225, 230),  # cyan
    (255, 215, 0),  # yellow
    (150, 210, 90),  # light green
)


@dataclass(frozen=True)
class Scenes(Dataset):
    """8 classes of land cover in aerial scenes drawn by the lab: roofs, roads, water, trees, pools, vehicles.

    A scene is 84 to 112 m wide: a suburb, a town, country, a shore or a forest, in a fixed turn. Masks (N, px, px)
    hold what is seen from above, a crown and not the road below it; shadows change no class. Roads are paved or
    dirt, with drives and car parks; everything without a class of its own is background: soil, ploughed land,
    stubble, sand, pavements, terraces. One scene in ten has a black corner without label, as orthophotos have.

    With `sparse=True` the land is bare, and little stands on it. Per cent of the labelled pixels of the
    default training split, without and with it:

        background  38.32  91.08
        building    10.19   1.04
        road        10.60   4.10
        water        5.78   0.57
        tree        11.36   1.51
        pool         0.48   0.15
        vehicle      0.80   0.19
        grass       22.46   1.36

    With `bands=8` some roofs and terraces are green as grass, and some asphalt is dark as water: only the infrared
    tells.
    """

    train: COUNT = 96  # scenes
    val: COUNT = 24
    test: COUNT = 48
    px: Annotated[int, Between(32, 1024)] = 128  # pixels along a scene's side; other sizes are drawn, not enlarged
    sparse: bool = False
    bands: Literal[3, 8] = 3  # 8: reflectance of coastal blue to short-wave infrared, whole numbers of 16 bits
    seed: Annotated[int, Between(0, 2**31 - 1)] = 0

    task = "segmentation"

    @property
    def size(self):
        return self.px

    def bands_of(self, data_dir):
        from lab.scenery.spectra import BANDS

        return BANDS if self.bands == 8 else ()

    def told(self, size, group, skip_corrupt):
        super().told(size, group, skip_corrupt)
        if not isinstance(size, int) or not 32 <= size <= 1024:
            raise BadInput(f"{self.name} draws squares of 32 to 1024 px; received --size {size}")
        return replace(self, px=size)  # drawn at the size of the run, not resized

    def load(self, data_dir):
        train, val, test = (self._split(i, name) for i, name in enumerate(("train", "val", "test")))
        bands = self.bands_of(data_dir)
        return Data(train, val, test, CLASSES, palette=PALETTE, bands=bands, source="drawn by the lab")

    def _split(self, split, name):
        count = getattr(self, name)
        pairs = [scene(self.seed, split, number, self.px, self.sparse, self.bands) for number in range(count)]
        images, masks = (np.stack(items) for items in zip(*pairs, strict=True))
        return Split(images, masks, np.array([f"{name}/{number:05d}" for number in range(count)]))


def scene(
    seed: int, split: int, number: int, px: int, sparse: bool = False, bands: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """One picture (px, px, 3) uint8, or (px, px, 8) uint16, and its mask (px, px) uint8, of these numbers alone."""
    from lab.scenery import aerial, landscapes

    layout, texture, camera = np.random.default_rng([SALT, seed, split, number, sparse]).spawn(3)
    land = aerial.Land(px, layout.uniform(84, 112), texture, bands)
    draw = landscapes.steppe if sparse else landscapes.KINDS[number % len(landscapes.KINDS)]
    draw(landscapes.Site(land, layout))
    image = (aerial.photograph if bands == 3 else aerial.measured)(land, camera)
    mask = aerial.labels(land)
    if number % 10 == 9:
        aerial.cut(image, mask, layout)
    return image, mask
