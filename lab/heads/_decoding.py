"""What decoders are made of."""

from typing import Literal

Norm = Literal["none", "batch"]


def convolution(x, width: int, kernel: int = 3, rate: int = 1, norm: Norm = "batch"):
    """A convolution with ReLU that keeps the size, its kernel's places `rate` apart, with batch norm or a bias."""
    from keras import layers

    plain = norm == "none"
    x = layers.Conv2D(
        width, kernel, padding="same", dilation_rate=rate, use_bias=plain, kernel_initializer="he_normal"
    )(x)
    return layers.ReLU()(x if plain else layers.BatchNormalization()(x))


def separable(x, width: int, rate: int = 1):
    """A 3x3 convolution of each channel at the rate and a 1x1 one across them; then batch norm and ReLU.

    The kernels of channels are drawn as by DeepLab's authors, a third each, which keeps the size of what they read.
    """
    from keras import initializers, layers

    x = layers.SeparableConv2D(
        width, 3, padding="same", dilation_rate=rate, use_bias=False, pointwise_initializer="he_normal",
        depthwise_initializer=initializers.TruncatedNormal(stddev=1 / 3),
    )(x)  # fmt: skip
    return layers.ReLU()(layers.BatchNormalization()(x))


def resized(x, like):
    """A map (N, h, w, C) at the height and width of another one, bilinearly."""
    from keras import ops

    same = tuple(x.shape[1:3]) == tuple(like.shape[1:3])
    return x if same else ops.image.resize(x, like.shape[1:3], interpolation="bilinear")


def logits(x, outputs: int):
    """A value for each class at each place, in 32 bits whatever the policy."""
    from keras import layers

    return layers.Conv2D(outputs, 1, dtype="float32", name="logits")(x)
