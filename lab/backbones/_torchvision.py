"""What networks of torchvision have in common: how images enter them and how their convolutions begin."""


def normalization():
    """The layer that takes values 0 to 255 to mean 0 and deviation 1 of ImageNet, band by band, in RGB."""
    from keras import layers

    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    scale = [1 / (255 * d) for d in deviation]
    return layers.Rescaling(scale, [-m / d for m, d in zip(mean, deviation, strict=True)], name="preprocess")


def convolution(x, width: int, kernel: int, stride: int = 1, bias: bool = False):
    """A convolution padded on both sides alike, and batch norm; began as He et al. 2015 by the outgoing values.

    "Same" would pad as TensorFlow does, one more behind a strided window, where converted weights give other features.
    """
    from keras import initializers, layers

    if stride > 1 and kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2)(x)
    padding = "valid" if stride > 1 else "same"
    he = initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    x = layers.Conv2D(width, kernel, stride, padding, use_bias=bias, kernel_initializer=he)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
