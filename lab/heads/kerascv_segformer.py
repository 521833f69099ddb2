from dataclasses import dataclass
from typing import Annotated

from lab.heads._kerascv import Kerascv, decoded, stand_in
from lab.names import Between


@dataclass(frozen=True)
class KerascvSegformer(Kerascv):
    """SegFormer's all-MLP decoder as keras-cv builds it, to compare with; needs TensorFlow.

    Xie et al. 2021, https://arxiv.org/abs/2105.15203: each level through a dense layer, resized to the finest, joined.
    """

    width: Annotated[int, Between(1, 4096)] = 256

    def top(self, cut, outputs):
        from keras_cv.models.segmentation import SegFormer

        return decoded(SegFormer(stand_in(cut), outputs, projection_filters=self.width), cut)
