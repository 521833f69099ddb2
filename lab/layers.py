"""Layers of the lab's own; registered, so that a saved model needs no Lambda."""

import importlib

import keras
from keras import ops


@keras.saving.register_keras_serializable("lab")
class Preprocess(keras.layers.Layer):
    """Values 0 to 255 (N, H, W, C) to what the weights of a family of keras.applications expect.

    Calls `preprocess_input` of the family's own module, so it is Keras that says what that is.
    """

    def __init__(self, module: str, **kwargs):
        super().__init__(**kwargs)
        self.module = module

    def call(self, images):
        module = importlib.import_module(f"keras.applications.{self.module}")
        return module.preprocess_input(images, data_format="channels_last")

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "module": self.module}


@keras.saving.register_keras_serializable("lab")
class Standardize(keras.layers.Layer):
    """Each image (N, H, W, C) to mean 127.5 and standard deviation 63.75, over its pixels and bands together.

    Undoes the light that an image was taken in; what is nearly flat (deviation below 1) is not blown up.
    """

    def call(self, images):
        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        deviation = ops.std(images, axis=(1, 2, 3), keepdims=True)
        return 127.5 + 63.75 * (images - mean) / ops.maximum(deviation, 1.0)

    def compute_output_shape(self, shape):
        return shape


@keras.saving.register_keras_serializable("lab")
class GreyToRgb(keras.layers.Layer):
    """Grey images (N, H, W, 1) repeated into the three bands (N, H, W, 3) that RGB weights expect."""

    def call(self, images):
        return ops.repeat(images, 3, axis=-1)

    def compute_output_shape(self, shape):
        return (*shape[:-1], 3)


@keras.saving.register_keras_serializable("lab")
class Matched(keras.layers.Layer):
    """Source logits (N, Z) to log p(y|x) (N, Y) by a counted table p(y|z), which nothing trains.

    Nguyen et al. 2020, https://arxiv.org/abs/2002.12462, equation 2.
    """

    def __init__(self, outputs: int, **kwargs):
        super().__init__(**kwargs)
        self.outputs = outputs

    def build(self, shape):
        self.table = self.add_weight(
            shape=(shape[-1], self.outputs), initializer="zeros", trainable=False, name="table", dtype="float32"
        )

    def call(self, logits):
        p = ops.matmul(ops.softmax(ops.cast(logits, "float32")), self.table)
        return ops.log(ops.maximum(p, 1e-12))

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.outputs)

    def get_config(self):
        return {**super().get_config(), "outputs": self.outputs}


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


@keras.saving.register_keras_serializable("lab")
class Mix(keras.layers.Layer):
    """Bands (N, H, W, C) to fixed sums of them (N, H, W, D), by a matrix (C, D) that nothing trains."""

    def __init__(self, matrix: list[list[float]], **kwargs):
        super().__init__(**kwargs)
        self.matrix = matrix

    def call(self, images):
        return ops.matmul(images, ops.convert_to_tensor(self.matrix, images.dtype))

    def compute_output_shape(self, shape):
        return (*shape[:-1], len(self.matrix[0]))

    def get_config(self):
        return {**super().get_config(), "matrix": self.matrix}


@keras.saving.register_keras_serializable("lab")
class Affine(keras.layers.Layer):
    """Each band of (N, H, W, C) times its number, plus another."""

    def __init__(self, scale: list[float], offset: list[float], **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, images):
        return images * ops.convert_to_tensor(self.scale, images.dtype) + ops.convert_to_tensor(
            self.offset, images.dtype
        )

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}
