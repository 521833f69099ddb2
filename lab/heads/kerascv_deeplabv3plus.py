from dataclasses import dataclass
from typing import Annotated

from lab.errors import BadInput
from lab.heads._kerascv import LEVELS, Kerascv, decoded, stand_in
from lab.names import Between


@dataclass(frozen=True)
class KerascvDeeplabv3plus(Kerascv):
    """DeepLabv3+ as keras-cv builds it, to compare with: output stride 32, plain convolutions; needs TensorFlow.

    Chen et al. 2018, https://arxiv.org/abs/1802.02611.
    """

    width: Annotated[int, Between(1, 4096)] = 256  # of its pyramid pooling
    low: Annotated[int, Between(1, 4096)] = 48

    def check(self, backbone, encoder):
        super().check(backbone, encoder)
        fine, coarse = (encoder.outputs[place].shape[1:3] for place in (-len(LEVELS), -1))
        if tuple(fine) != tuple(8 * edge for edge in coarse):
            height, width = (-(-edge // 32) * 32 for edge in encoder.inputs[0].shape[1:3])
            raise BadInput(
                f"{self} joins maps of {fine[1]} x {fine[0]} and {coarse[1]} x {coarse[0]} px by enlarging the latter "
                f"eight times; use --size {width}x{height}, or deeplabv3plus, which takes any size"
            )

    def top(self, cut, outputs):
        from keras_cv.layers import SpatialPyramidPooling
        from keras_cv.models.segmentation import DeepLabV3Plus

        pooling = SpatialPyramidPooling([6, 12, 18], self.width)
        return decoded(DeepLabV3Plus(stand_in(cut), outputs, self.low, pooling), cut)
