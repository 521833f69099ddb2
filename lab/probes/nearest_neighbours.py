"""Nearest neighbours as a layer: it holds the training features, and nothing trains it."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("lab")
class NearestNeighbours(keras.layers.Layer):
    """Features (N, D) to the log of each class's share of the votes of the k most similar of `count` keys (N, K).

    Similarity s is the cosine, and a vote weighs exp(s / temperature); a share is at least 1e-12. Weights, in order:
    keys (count, D) of unit length, and labels (count,). Wu et al. 2018, https://arxiv.org/abs/1805.01978.
    """

    def __init__(
        self, k: int, temperature: float, count: int, dimension: int, classes: int, dtype: str = "float32", **kwargs
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.k, self.temperature = k, temperature
        self.count, self.dimension, self.classes = count, dimension, classes

    def build(self, shape):
        self.keys = self.add_weight(
            shape=(self.count, self.dimension), initializer="zeros", trainable=False, name="keys"
        )
        self.labels = self.add_weight(
            shape=(self.count,), initializer="zeros", trainable=False, dtype="int32", name="labels"
        )

    def call(self, features):
        unit = features / ops.maximum(ops.norm(features, axis=-1, keepdims=True), 1e-12)
        similarity, near = ops.top_k(ops.matmul(unit, ops.transpose(self.keys)), self.k)
        weights = ops.exp((similarity - similarity[:, :1]) / self.temperature)  # a factor that the shares do not have
        voted = ops.one_hot(ops.take(self.labels, near), self.classes, dtype=weights.dtype)
        votes = ops.sum(weights[..., None] * voted, axis=1)
        return ops.log(ops.maximum(votes / ops.sum(weights, axis=-1, keepdims=True), 1e-12))

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.classes)

    def get_config(self):
        own = ("k", "temperature", "count", "dimension", "classes")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
