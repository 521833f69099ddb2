from dataclasses import dataclass
from typing import Annotated, Literal

from lab.heads import Head
from lab.heads._decoding import convolution, logits, resized
from lab.names import Between


@dataclass(frozen=True)
class Deeplabv3(Head):
    """DeepLabv3: atrous spatial pyramid pooling on features of output stride 8 or 16, and no decoder.

    Chen et al. 2017, https://arxiv.org/abs/1706.05587; the paper's width is 256.
    """

    reads = "pyramid"

    output_stride: Literal[8, 16, 32] = 16
    width: Annotated[int, Between(1, 4096)] = 128

    @property
    def stride(self):
        return self.output_stride

    def prefix(self, features):
        return features[-1]

    def top(self, cut, outputs):
        return logits(pooled(cut, self.width, self.output_stride), outputs)


def pooled(x, width: int, output_stride: int, atrous=convolution):
    """Atrous spatial pyramid pooling (N, h, w, F) to (N, h, w, width): five views of each place, joined.

    A 1x1 convolution, three 3x3 ones (`atrous`) at rates 6, 12 and 18 (of output stride 16; as many pixels at any
    other), and the mean of the whole image.
    """
    from keras import layers

    mean = convolution(layers.GlobalAveragePooling2D(keepdims=True)(x), width, kernel=1)
    views = [convolution(x, width, kernel=1)]
    views += [atrous(x, width, rate=rate * 16 // output_stride) for rate in (6, 12, 18)]
    return convolution(layers.Concatenate()([*views, resized(mean, x)]), width, kernel=1)
