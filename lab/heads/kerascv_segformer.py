from dataclasses import dataclass
from typing import Annotated

from lab.heads import Head
from lab.heads._kerascv import LEVELS, decoded, require, stand_in
from lab.names import Between


@dataclass(frozen=True)
class KerascvSegformer(Head):
    """SegFormer's all-MLP decoder as keras-cv builds it, to compare with; needs TensorFlow.

    Xie et al. 2021, https://arxiv.org/abs/2105.15203: each level through a dense layer, resized to the finest, joined.
    """

    task = "segmentation"

    width: Annotated[int, Between(1, 4096)] = 256

    def check(self, backbone, encoder):
        require(self, backbone, encoder)

    def prefix(self, features):
        return features[-len(LEVELS) :]

    def top(self, cut, outputs):
        from keras_cv.models.segmentation import SegFormer

        return decoded(SegFormer(stand_in(cut), outputs, projection_filters=self.width), cut)
