"""Weights of unequal classes in the loss, from how often they occur; 1 on average over what occurs."""

import numpy as np

Array = np.ndarray


def inverse(counts: Array) -> Array:
    """Counts (K,) to weights (K,) inverse to them: scikit-learn's "balanced"."""
    return _scaled(counts, 1 / np.maximum(counts, 1))


def bounded(counts: Array) -> Array:
    """Counts (K,) to weights (K,) within a factor of 36, however rare a class: 1 / ln(1.02 + its share).

    Paszke et al. 2016 (ENet), https://arxiv.org/abs/1606.02147.
    """
    return _scaled(counts, 1 / np.log(1.02 + counts / counts.sum()))


WEIGHTS = {"weights": inverse, "soft_weights": bounded}


def _scaled(counts: Array, weights: Array) -> Array:
    """Weights so that the counted examples' mean is 1; 0 where nothing was counted."""
    weights = np.where(counts > 0, weights, 0.0)
    return (weights * counts.sum() / (weights * counts).sum()).astype("float32")
