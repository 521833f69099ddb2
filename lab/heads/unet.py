from dataclasses import dataclass
from typing import Annotated

from lab.errors import BadInput
from lab.heads import Head
from lab.heads._decoding import Norm, convolution, logits, resized
from lab.names import Between


@dataclass(frozen=True)
class Unet(Head):
    """U-Net's decoder: joins the pyramid from coarse to fine, two 3x3 convolutions each time.

    Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597, on any backbone: features are resized bilinearly to
    those that they join, so that any image size works. `norm="batch"` and `dropout`, behind each pair of
    convolutions, are what a "modified U-Net" mostly means.
    """

    reads = "pyramid"

    widths: tuple[Annotated[int, Between(1, 4096)], ...] = (128, 64, 32, 16, 16)  # of each join, the coarsest first
    norm: Norm = "none"
    dropout: Annotated[float, Between(0.0, 0.95)] = 0.0

    def check(self, backbone, encoder):
        if len(self.widths) < (joins := len(encoder.outputs) - 1):
            raise BadInput(
                f"{self} has {len(self.widths)} widths; the pyramid of {backbone} is joined {joins} times, so give "
                f"{joins} or more, as unet({','.join(map(repr, (128, 64, 32, 16, 16)[:joins]))})"
            )

    def top(self, cut, outputs):
        from keras import layers

        *finer, x = cut
        for width, skip in zip(self.widths, reversed(finer), strict=False):
            x = layers.Concatenate()([resized(x, skip), skip])
            for _ in range(2):
                x = convolution(x, width, norm=self.norm)
            x = layers.Dropout(self.dropout)(x) if self.dropout else x
        return logits(x, outputs)
