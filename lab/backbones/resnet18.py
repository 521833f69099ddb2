from dataclasses import dataclass

from lab.backbones import Backbone
from lab.backbones._torchvision import convolution, normalization


@dataclass(frozen=True)
class Resnet18(Backbone):
    """ResNet-18 as torchvision has it: a 7x7 stem, then four stages of two basic blocks with shortcuts.

    He et al. 2015, https://arxiv.org/abs/1512.03385
    """

    def preprocess(self):
        return normalization()

    def build(self, shape):
        import keras
        from keras import layers

        images = keras.Input(shape)
        x = layers.ReLU()(convolution(images, 64, 7, 2))
        x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))  # behind a ReLU, where nothing is below the padding
        for stage, width in enumerate((64, 128, 256, 512)):
            for block in range(2):
                stride = 2 if stage and not block else 1
                y = layers.ReLU()(convolution(x, width, 3, stride))
                y = convolution(y, width, 3)
                x = x if stride == 1 else convolution(x, width, 1, stride)
                x = layers.ReLU()(layers.Add()([x, y]))
        return keras.Model(images, x, name="resnet18")
