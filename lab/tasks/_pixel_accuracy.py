import keras
from keras import ops

from lab.inputs.data import IGNORED


class PixelAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """Fraction of the pixels that logits (B, H, W, K) get right, of masks (B, H, W, 1); 255 does not count."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        counted = ops.not_equal(ops.squeeze(y_true, -1), IGNORED)
        super().update_state(y_true, y_pred, sample_weight=counted)
