from dataclasses import dataclass
from typing import Annotated

from lab.errors import BadInput
from lab.heads import Head
from lab.heads._decoding import convolution, logits
from lab.names import Between


@dataclass(frozen=True)
class Segnet(Head):
    """SegNet's decoder: each max pooling of the encoder is undone by its indices, then convolved.

    Badrinarayanan et al. 2017, https://arxiv.org/abs/1511.00561. Only the indices pass from the encoder, beside its
    output; they are found once more on what it pools, so that the encoder is left as it is. Unpooling keeps channels
    apart, so the encoder decides on all widths.
    """

    reads = "pyramid"

    convolutions: Annotated[int, Between(1, 8)] = 2  # behind each unpooling; the paper mirrors the encoder's

    def check(self, backbone, encoder):
        from keras import layers

        strided = [x for x in encoder.layers if max(getattr(x, "strides", (1,))) > 1]
        pools = [x for x in strided if isinstance(x, layers.MaxPooling2D) and x.pool_size == x.strides == (2, 2)]
        pooled = [id(x.input) for x in pools if x.padding == "valid"]
        if pools != strided or pooled != [id(x) for x in encoder.outputs[:-1]]:
            raise BadInput(
                f"{self} undoes max poolings by their indices, and {backbone} does not go from each stride to the next "
                "by a 2x2 max pooling alone; use VGG16, VGG19, vgg11_bn or cnn10, or another head, as unet"
            )

    def prefix(self, features):
        from lab.layers.pooling import Switches

        *pooled, last = features
        return [*(Switches()(x) for x in pooled), last]

    def top(self, cut, outputs):
        from lab.layers.pooling import Unpooling

        *switches, x = cut
        widths = [where.shape[-1] for where in switches]
        for i in reversed(range(len(switches))):
            x = x if x.shape[-1] == widths[i] else convolution(x, widths[i])  # behind a stage that no pooling ends
            x = Unpooling()([x, switches[i]])
            for _ in range(self.convolutions - 1):
                x = convolution(x, widths[i])
            x = convolution(x, widths[max(i - 1, 0)])
        return logits(x, outputs)
