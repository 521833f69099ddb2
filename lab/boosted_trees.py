"""Boosted trees as a layer: it holds what CatBoost found, and nothing trains it."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("lab")
class BoostedTrees(keras.layers.Layer):
    """Features (N, D) to the sum (N, K) of the leaves that they reach in T symmetric trees, and of a bias.

    Weights, in order: features and borders (T, depth), leaves (T, 2**depth, K) and bias (K,), as in
    `lab.solving.Trees`.
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
        bits = ops.cast(asked > self.borders, "int32")
        numbers = ops.sum(bits * 2 ** ops.arange(self.depth, dtype="int32"), axis=-1)
        first = 2**self.depth * ops.arange(self.trees, dtype="int32")  # of each tree, in the leaves of all
        reached = ops.take(ops.reshape(self.leaves, (-1, self.classes)), numbers + first, axis=0)  # (N, T, K)
        return ops.sum(reached, axis=1) + self.bias

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.classes)

    def get_config(self):
        return {**super().get_config(), "trees": self.trees, "depth": self.depth, "classes": self.classes}
