"""Batch-norm statistics re-estimated over whole batches, without changing a weight.

As `update_bn` of Izmailov et al. 2018 (https://arxiv.org/abs/1803.05407): the plain mean of what the
batches give. An exponential average with Keras' momentum of 0.99 to 0.9997 remembers its start for
thousands of steps; this one has none.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from lab.networks.net import Net, assign
from lab.steps import Selection


def reestimate(net: Net, chosen: Selection, batches: Iterable[Any]) -> int:
    """Sets the chosen statistics to their mean over batches of images (N, H, W, C); returns how many there were."""
    net.train_only(chosen)
    norms = [n for n in net.norms() if n.trainable]
    momentum = [n.momentum for n in norms]
    for n in norms:
        n.momentum = 0.0  # a forward pass then leaves the batch's own statistics behind
    forward = net.once(("training", chosen), lambda: in_training_mode(net, norms))
    total, count = np.zeros(forward.output_shape), 0
    for images in batches:
        total += forward.predict_on_batch(images)
        count += 1
    ends = np.cumsum([v.shape[0] for v in moving(norms)])
    assign(moving(norms), np.split(total / count, ends[:-1]))
    for n, m in zip(norms, momentum, strict=True):
        n.momentum = m
    return count


def moving(norms: list[Any]) -> list[Any]:
    """The statistics of each norm, (C,): mean and variance."""
    return [v for n in norms for v in (n.moving_mean, n.moving_variance)]


def in_training_mode(net: Net, norms: list[Any]) -> keras.Model:
    """A model that gives, for a batch of images, the statistics of these norms after a forward pass in training mode.

    All in one array (C,), norm after norm.
    """
    inputs = keras.Input(net.shape)
    return keras.Model(inputs, _Training(net.model, norms)(inputs))


class _Training(keras.layers.Layer):
    """A model in training mode, whatever it is called in, of which only what its norms then hold is of interest."""

    def __init__(self, model: keras.Model, norms: list[Any]):
        super().__init__(dtype=model.dtype_policy)
        self.model, self.norms = model, norms

    def call(self, x):
        self.model(x, training=True)
        return keras.ops.concatenate(moving(self.norms))

    def compute_output_shape(self, shape):
        return (sum(v.shape[0] for v in moving(self.norms)),)
