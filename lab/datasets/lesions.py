from dataclasses import dataclass

from lab.datasets._masked import Masked, pooled
from lab.datasets._pairs import paired
from lab.inputs.class_list import numbered
from lab.inputs.folders import Files
from lab.inputs.legends import listed_legend

HALF = 128  # of 0 to 255, from which on a pixel is of the lesion


@dataclass(frozen=True)
class Lesions(Masked):
    """Skin lesions in dermoscopy, ISBI 2016 part 1: 900 training and 379 test images, each with a binary mask.

    Reads the challenge's own folders (`ISBI2016_ISIC_Part1_Training_Data/ISIC_0000000.jpg`, `..._Training_GroundTruth/
    ISIC_0000000_Segmentation.png`, the same for Test; from https://challenge.isic-archive.com/data/#2016), or one
    folder images/ and one masks/, as a folder or a zip. Validation, and the test split where it is not there, are
    drawn. Gutman et al. 2016, https://arxiv.org/abs/1605.01397
    """

    def found(self, data_dir):
        hint = "; fetch it from https://challenge.isic-archive.com/data/#2016 (part 1: data and ground truth)"
        files = Files(data_dir, self.name, hint)
        files.open_archives()
        return files, paired(files, files.pictures())

    def legend(self, found):
        classes = numbered(["background", "lesion"], [0x000000, 0xE69F00], self.name)
        high = 1 if max(pooled(found), default=0) == 1 else HALF
        return listed_legend(classes, {v: int(v >= high) for v in range(256)})

    def title(self, data_dir):
        return self.name

    def source(self, files):
        return "ISBI 2016 skin lesions, Gutman et al. 2016, CC0"
