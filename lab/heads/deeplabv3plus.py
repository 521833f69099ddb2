from dataclasses import dataclass
from typing import Annotated, Literal

from lab.heads import Head
from lab.heads._decoding import convolution, logits, resized, separable
from lab.heads.deeplabv3 import pooled
from lab.names import Between


@dataclass(frozen=True)
class Deeplabv3plus(Head):
    """DeepLabv3+: DeepLabv3's features, refined by a decoder that joins the backbone's at stride 4.

    Chen et al. 2018, https://arxiv.org/abs/1802.02611; the paper's width is 256. As there, the 3x3 convolutions are
    separable.
    """

    reads = "pyramid"

    aspp: bool = True  # False: a 1x1 convolution in place of atrous spatial pyramid pooling
    output_stride: Literal[8, 16, 32] = 16
    width: Annotated[int, Between(1, 4096)] = 128
    low: Annotated[int, Between(1, 4096)] = 48  # channels that the features at stride 4 are reduced to

    @property
    def stride(self):
        return self.output_stride

    def prefix(self, features):
        above = (self.output_stride // 4).bit_length()  # the stride doubles from one to the next
        return [features[-above], features[-1]]

    def top(self, cut, outputs):
        from keras import layers

        fine, x = cut
        x = pooled(x, self.width, self.output_stride, separable) if self.aspp else convolution(x, self.width, kernel=1)
        x = layers.Concatenate()([resized(x, fine), convolution(fine, self.low, kernel=1)])
        for _ in range(2):
            x = separable(x, self.width)
        return logits(x, outputs)
