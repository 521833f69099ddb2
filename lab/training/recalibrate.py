"""Batch-norm statistics re-estimated over whole batches, without changing a weight.

As `update_bn` of Izmailov et al. 2018 (https://arxiv.org/abs/1803.05407): the plain mean of what the
batches give. An exponential average with Keras' momentum of 0.99 to 0.9997 remembers its start for
thousands of steps; this one has none.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from lab.networks.net import Net, to_numpy
from lab.steps import Selection


def reestimate(net: Net, chosen: Selection, forward: keras.Model, batches: Iterable[Any]) -> int:
    """Sets the chosen statistics to their mean over batches of images (N, H, W, C); returns how many there were.

    `forward` is what `in_training_mode` made of the same net and statistics, before or now.
    """
    net.train_only(chosen)
    norms = [n for n in net.norms() if n.trainable]
    momentum = [n.momentum for n in norms]
    for n in norms:
        n.momentum = 0.0  # a forward pass then leaves the batch's own statistics behind
    count = 0
    sums = [[np.zeros(n.moving_mean.shape), np.zeros(n.moving_mean.shape)] for n in norms]
    for images in batches:
        forward.train_on_batch(images, np.zeros((len(images), 1), "float32"))
        count += 1
        for total, n in zip(sums, norms, strict=True):
            total[0] += to_numpy(n.moving_mean)
            total[1] += to_numpy(n.moving_variance)
    for n, (mean, variance), m in zip(norms, sums, momentum, strict=True):
        n.moving_mean.assign(mean / count)
        n.moving_variance.assign(variance / count)
        n.momentum = m
    return count


def in_training_mode(net: Net, chosen: Selection) -> keras.Model:
    """A model whose compiled training step updates the chosen statistics and no weight.

    One variable of no use learns, at a rate of 0, since the backends refuse to train nothing.
    """
    inputs = keras.Input(net.shape)
    model = keras.Model(inputs, _Null()(net.model(inputs)))
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.0))
    return model


class _Null(keras.layers.Layer):
    """Anything (N, ...) to zeros (N, 1), times a variable: see `in_training_mode`."""

    def build(self, shape):
        self.nothing = self.add_weight(shape=(), initializer="zeros")

    def call(self, x):
        flat = keras.ops.reshape(keras.ops.cast(x, "float32"), (keras.ops.shape(x)[0], -1))
        return self.nothing * keras.ops.mean(flat, axis=1, keepdims=True)

    def compute_output_shape(self, shape):
        return (shape[0], 1)
