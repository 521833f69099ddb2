"""What stands between the images and a backbone: values and bands made what its weights expect. No weights."""

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
