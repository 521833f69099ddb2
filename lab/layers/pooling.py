"""Max pooling's places and its inverse, for SegNet."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("lab")
class Switches(keras.layers.Layer):
    """Where 2x2 max pooling takes its values from: a map (N, H, W, C) to one of uint8, 1 there and 0 elsewhere.

    They are the pooling indices of SegNet (Badrinarayanan et al. 2017, https://arxiv.org/abs/1511.00561), as a map,
    so that a last row or column in no window (of an odd size) has its place. Of equal values the first counts.
    """

    def call(self, x):
        height, width, channels = x.shape[1:]
        h, w = height // 2, width // 2
        windows = ops.reshape(x[:, : 2 * h, : 2 * w], (-1, h, 2, w, 2, channels))
        windows = ops.reshape(ops.transpose(windows, (0, 1, 3, 5, 2, 4)), (-1, h, w, channels, 4))
        ones = ops.one_hot(ops.argmax(windows, axis=-1), 4, dtype="uint8")
        ones = ops.transpose(ops.reshape(ones, (-1, h, w, channels, 2, 2)), (0, 1, 4, 2, 5, 3))
        return _filled_up(ops.reshape(ones, (-1, 2 * h, 2 * w, channels)), height, width)


@keras.saving.register_keras_serializable("lab")
class Unpooling(keras.layers.Layer):
    """Pooled values (N, h, w, C) at the places of their `Switches` (N, H, W, C), and zeros elsewhere."""

    def call(self, inputs):
        pooled, switches = inputs
        spread = ops.repeat(ops.repeat(pooled, 2, axis=1), 2, axis=2)
        return _filled_up(spread, *switches.shape[1:3]) * ops.cast(switches, pooled.dtype)

    def compute_output_shape(self, shapes):
        return shapes[1]


def _filled_up(x, height: int, width: int):
    """A map with zeros behind its last row and column, up to that size."""
    return ops.pad(x, ((0, 0), (0, height - x.shape[1]), (0, width - x.shape[2]), (0, 0)))
