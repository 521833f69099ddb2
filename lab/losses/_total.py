"""The sum of losses as Keras takes it."""

import keras
import numpy as np
from keras import ops


class Total(keras.losses.Loss):
    """Makes one-hot targets of labels and adds up the terms, in 32 bits whatever the policy; see `losses.built`."""

    def __init__(self, terms, classes, weights=None):
        super().__init__(name="loss", dtype="float32")
        self.terms, self.classes = terms, classes
        self.weights = None if weights is None else np.asarray(weights, "float32")

    def __call__(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise ValueError("a mean over classes has no weight for each example; give weights of the classes")
        return super().__call__(y_true, y_pred)

    def call(self, y_true, y_pred):
        targets = y_true
        if self.classes is not None and y_true.shape[-1] == 1:
            labels = ops.cast(ops.squeeze(y_true, -1), "int32")
            # a label out of range, as 255, gives a row of zeros under every backend
            targets = ops.one_hot(labels, self.classes, dtype="float32")
        return sum(term(targets, y_pred, self.weights) for term in self.terms)
