"""The table p(label | source class), counted over examples: what `frozen_eep` predicts with, and LEEP scores. No Keras.

Nguyen et al. 2020, https://arxiv.org/abs/2002.12462, equation 2.
"""

import numpy as np

Array = np.ndarray


def table(source_probabilities: Array, targets: Array) -> Array:
    """(Z, K) of the source's probabilities (N, Z) and one-hot labels (N, K); even where a source class never occurs."""
    joint = source_probabilities.T @ targets / len(targets)
    marginal = joint.sum(axis=1, keepdims=True)
    return np.divide(joint, marginal, out=np.full_like(joint, 1 / joint.shape[1]), where=marginal > 0)
