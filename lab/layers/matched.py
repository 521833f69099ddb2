"""The layer of `frozen_eep`: what a source says, made the target's labels by a counted table."""

import keras
from keras import ops


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
