from dataclasses import dataclass

from lab.backbones import Backbone
from lab.backbones._torchvision import convolution, normalization


@dataclass(frozen=True)
class Vgg11Bn(Backbone):
    """VGG-11 with batch norm as torchvision has it: eight 3x3 convolutions, five 2x2 max poolings.

    Simonyan and Zisserman 2014, configuration A, https://arxiv.org/abs/1409.1556. A pooling ends each stage, the last
    one too, as in Keras' VGG16.
    """

    def preprocess(self):
        return normalization()

    def build(self, shape):
        import keras
        from keras import layers

        images = x = keras.Input(shape)
        for widths in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
            for width in widths:
                x = layers.ReLU()(convolution(x, width, 3, bias=True))
            x = layers.MaxPooling2D()(x)
        return keras.Model(images, x, name="vgg11_bn")
