from dataclasses import dataclass

from lab.datasets._masked import Masked
from lab.datasets._pairs import paired
from lab.inputs.bands import Band
from lab.inputs.class_list import numbered
from lab.inputs.folders import Files
from lab.inputs.legends import listed_legend

REFLECTANCE = 1e-4
BANDS = (
    Band("coastal", "coastal", 443, REFLECTANCE),
    Band("blue", "blue", 482, REFLECTANCE),
    Band("green", "green", 562, REFLECTANCE),
    Band("red", "red", 655, REFLECTANCE),
    Band("nir", "nir", 865, REFLECTANCE),
    Band("swir1", "swir", 1609, REFLECTANCE),
    Band("swir2", "swir", 2201, REFLECTANCE),
    Band("quality", "other"),
    Band("elevation_merit", "elevation", nodata=-9999),
    Band("elevation", "elevation", nodata=-9999),
    Band("land_cover", "other"),
    Band("water_occurrence", "other"),
)
HONEST = "coastal,blue,green,red,nir,swir1,swir2,elevation"  # the others say, or nearly say, where water is


@dataclass(frozen=True)
class Water(Masked):
    """Satellite tiles with water masks: 12 bands of 128 x 128 px, whole numbers of 16 bits.

    Reads `images/*.tif` and `labels/*.png` (https://github.com/shahed137003/Water-Segmentation-project, no licence
    stated), as a folder or a zip; all splits are drawn. The publication does not name the bands; by their ranges the
    first seven are surface reflectance as of Landsat 8, times 10,000. Land cover and water occurrence give the answer
    away, and the quality flag marks water, too: `--bands` as in experiments/bands.py leaves them out.
    """

    def found(self, data_dir):
        files = Files(data_dir, self.name, "; fetch it from https://github.com/shahed137003/Water-Segmentation-project")
        files.bands = BANDS
        return files, paired(files, files.pictures())

    def legend(self, found):
        return listed_legend(numbered(["land", "water"], [0xC8B48C, 0x1E50BE], self.name), {0: 0, 1: 1})

    def title(self, data_dir):
        return self.name

    def source(self, files):
        return "Water-Segmentation-project (shahed137003), no licence stated"
