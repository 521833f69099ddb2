"""Boosted trees as a layer: it holds what CatBoost found, and nothing trains it."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("lab")
class BoostedTrees(keras.layers.Layer):
    """Features (N, D) to the sum (N, K) of the leaves that they reach in T symmetric trees, and of a bias.

    Weights, in order: features and borders (T, depth), leaves (T, 2**depth, K) and bias (K,), as in
    `lab.probes.solving.Trees`.
    """

    def __init__(self, trees: int, depth: int, classes: int, dtype: str = "float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.trees, self.depth, self.classes = trees, depth, classes

    def build(self, shape):
        def held(name, shape, dtype=None):
            return self.add_weight(shape=shape, initializer="zeros", trainable=False, dtype=dtype, name=name)

        self.features = held("features", (self.trees, self.depth), "int32")
        self.borders = held("borders", (self.trees, self.depth))
        self.leaves = held("leaves", (self.trees, 2**self.depth, self.classes))
        self.bias = held("bias", (self.classes,))

    def call(self, features):
        asked = ops.take(features, self.features, axis=1)  # (N, T, depth)
        answers = ops.cast(asked > self.borders, "float32")
        # a product where a sum would do: OpenVINO 2026.4 loses what is added to a sum; floats are exact up to 2**24
        numbers = ops.matmul(answers, 2.0 ** ops.arange(self.depth, dtype="float32"))
        first = 2.0**self.depth * ops.arange(self.trees, dtype="float32")  # of each tree, in the leaves of all
        places = ops.cast(numbers + first, "int32")
        reached = ops.take(ops.reshape(self.leaves, (-1, self.classes)), places, axis=0)  # (N, T, K)
        return ops.sum(reached, axis=1) + self.bias

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.classes)

    def get_config(self):
        return {**super().get_config(), "trees": self.trees, "depth": self.depth, "classes": self.classes}
