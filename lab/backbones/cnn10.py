from dataclasses import dataclass
from typing import Annotated, Literal

from lab.backbones import Backbone
from lab.names import Between


@dataclass(frozen=True)
class Cnn10(Backbone):
    """Ten plain 3x3 convolutions with ReLU in five stages: the honest baseline.

    "Plain" as in He et al. 2015 (https://arxiv.org/abs/1512.03385): no shortcuts. Stages 2 to 5
    begin with a 2x2 max pooling, so a stage's stride is 1, 2, 4, 8, 16.
    """

    default_size = 32
    min_size = 16

    width: Annotated[int, Between(1, 1024)] = 16  # channels of the first stage
    norm: Literal["batch", "none"] = "batch"

    def preprocess(self):
        from keras import layers

        return layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocess")

    def build(self, shape):
        import keras
        from keras import layers

        images = x = keras.Input(shape)
        for stage, factor in enumerate((1, 2, 3, 4, 6)):
            x = layers.MaxPooling2D()(x) if stage else x
            for _ in range(2):
                plain = self.norm == "none"
                x = layers.Conv2D(
                    factor * self.width, 3, padding="same", use_bias=plain, kernel_initializer="he_normal"
                )(x)
                x = x if plain else layers.BatchNormalization()(x)
                x = layers.ReLU()(x)
        return keras.Model(images, x, name="cnn10")
