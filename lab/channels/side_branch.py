from dataclasses import dataclass
from typing import Annotated, Literal

from lab.channels import Channels, colours_of
from lab.channels.select import Select
from lab.names import Between


@dataclass(frozen=True)
class SideBranch(Channels):
    """A small network reads the other bands, and its maps are added to the backbone's at a stride.

    The last of its layers starts at zero, so that the network starts as the pretrained one on red, green and blue.
    After FuseNet (Hazirbas et al. 2016, https://doi.org/10.1007/978-3-319-54181-5_14), which adds depth to RGB at
    every stride; here it is one, to see which.
    """

    at: Literal[1, 2, 4, 8, 16, 32] = 4  # stride
    width: Annotated[int, Between(8, 1024)] = 32  # channels of its last maps before those that are added

    def check(self, bands):
        colours_of(bands, self)

    def rgb(self, images, bands):
        return Select().rgb(images, bands)

    @property
    def strides(self):
        return (self.at,) if self.at > 1 else ()

    def through(self, encoder, ready, images, bands, taps):
        import keras

        places = colours_of(bands, self)
        others = [i for i in range(len(bands)) if i not in places]
        if not others:
            return encoder(ready)
        if self.at == 1:
            return encoder(keras.layers.Add(name="joined")([ready, self._branch(images, others, ready)]))
        tap = taps[self.at]
        before = keras.Model(encoder.inputs, tap, name="before")(ready)
        joined = keras.layers.Add(name="joined")([before, self._branch(images, others, before)])
        order = {id(operation): i for i, operation in enumerate(encoder.operations)}
        place = [
            order[id(t._keras_history.operation)] - order[id(tap._keras_history.operation)]
            for t in _list(encoder.output)
        ]
        ahead, behind = (
            [t for t, p in zip(_list(encoder.output), place, strict=True) if p * side > 0] for side in (-1, 1)
        )
        given = _called(encoder.inputs, ahead, ready) + [joined] * place.count(0) + _called(tap, behind, joined)
        return given if isinstance(encoder.output, list) else given[0]

    def _branch(self, images, others, main):
        """Maps of the size and depth of the main network's, (N, h, w, F), of the other bands."""
        import keras
        from keras import layers

        from lab.layers.inputs import Mix

        matrix = [[float(i == o) for o in others] for i in range(images.shape[-1])]
        x = layers.Rescaling(1 / 127.5, offset=-1.0, name="side_rescaled")(Mix(matrix, name="others")(images))
        steps = self.at.bit_length() - 1
        for k in range(max(1, steps)):
            x = layers.Conv2D(
                max(8, self.width >> (max(1, steps) - 1 - k)), 3, 2 if steps else 1, "same", use_bias=False,
                kernel_initializer="he_normal", name=f"side_conv{k + 1}",
            )(x)  # fmt: skip
            x = layers.BatchNormalization(name=f"side_norm{k + 1}")(x)
            x = layers.ReLU(name=f"side_relu{k + 1}")(x)
        if x.shape[1:3] != main.shape[1:3]:  # an odd size, halved another way
            x = keras.ops.image.resize(x, main.shape[1:3], interpolation="bilinear")
        return layers.Conv2D(main.shape[-1], 1, kernel_initializer="zeros", name="side_out")(x)


def _list(tensors):
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _called(inputs, outputs, x):
    """What a part of a network gives, a list; none for no outputs."""
    import keras

    return _list(keras.Model(inputs, outputs)(x)) if outputs else []
