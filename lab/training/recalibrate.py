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


def reestimate(net: Net, chosen: Selection, batches: Iterable[Any]) -> int:
    """Sets the chosen statistics to their mean over batches of images (N, H, W, C); returns how many there were."""
    net.train_only(chosen)
    norms = [n for n in net.norms() if n.trainable]
    momentum = [n.momentum for n in norms]
    for n in norms:
        n.momentum = 0.0  # a forward pass then leaves the batch's own statistics behind
    forward = net.once(("training", chosen), lambda: in_training_mode(net))
    count = 0
    sums = [[np.zeros(n.moving_mean.shape), np.zeros(n.moving_mean.shape)] for n in norms]
    for images in batches:
        forward.predict_on_batch(images)
        count += 1
        for total, n in zip(sums, norms, strict=True):
            total[0] += to_numpy(n.moving_mean)
            total[1] += to_numpy(n.moving_variance)
    for n, (mean, variance), m in zip(norms, sums, momentum, strict=True):
        n.moving_mean.assign(mean / count)
        n.moving_variance.assign(variance / count)
        n.momentum = m
    return count


def in_training_mode(net: Net) -> keras.Model:
    """A model whose every prediction is a forward pass in training mode, which moves the statistics that learn."""
    inputs = keras.Input(net.shape)
    return keras.Model(inputs, _Training(net.model)(inputs))


class _Training(keras.layers.Layer):
    """A model in training mode, whatever it is called in."""

    def __init__(self, model: keras.Model):
        super().__init__(dtype=model.dtype_policy)
        self.model = model

    def call(self, x):
        return self.model(x, training=True)

    def compute_output_shape(self, shape):
        return self.model.compute_output_shape(shape)
