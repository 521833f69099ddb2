"""Batch normalisation as one operation forward and one backward, where Keras computes it of a dozen.

XLA makes one of the dozen. Without it, which is how TensorFlow is fast on a CPU, each of them reads and writes a whole
map: half of a training step of MobileNetV2. TensorFlow has the one operation; in inference the convolution before it
takes it in, see `lab.layers.folded`. Files, configurations and clones of a layer know nothing of it.
"""

from types import MethodType
from typing import Any

import keras

from lab.environment import device
from lab.layers.folded import folded


def fuse(model: keras.Model) -> None:
    """Has every batch norm of a model on maps (N, H, W, C) computed so, under TensorFlow on a CPU, in 32 bits."""
    if keras.backend.backend() != "tensorflow" or device() != "cpu":
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and _can_be(layer):
            layer.call = MethodType(_call, layer)


def _can_be(norm: keras.layers.BatchNormalization) -> bool:
    is_usual = not (norm.renorm or norm.synchronized) and norm.compute_dtype == "float32"
    return is_usual and norm.input_spec.ndim == 4 and norm.axis in (-1, 3)


def _call(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """What `keras.layers.BatchNormalization.call` gives, to rounding, and does to the moving statistics."""
    import tensorflow as tf

    if mask is not None:
        return type(self).call(self, inputs, training=training, mask=mask)
    if not training and (made := folded(self, inputs)) is not None:
        return made
    learns, channels = bool(training) and self.trainable, inputs.shape[-1]
    statistics = [tf.constant((), "float32")] * 2 if learns else [tf.convert_to_tensor(v) for v in _moving(self)]
    out, mean, _, _, variance, _ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=tf.convert_to_tensor(self.gamma) if self.scale else tf.ones(channels),
        offset=tf.convert_to_tensor(self.beta) if self.center else tf.zeros(channels),
        mean=statistics[0], variance=statistics[1], epsilon=self.epsilon, is_training=learns,
    )  # fmt: skip
    if learns:
        # the variance that the gradient takes, on a CPU the biased one, as Keras'; the third output is the unbiased one
        for moving, batch in zip(_moving(self), (mean, variance), strict=True):
            before, now = (tf.constant(share, "float32") for share in (self.momentum, 1.0 - self.momentum))
            # past Keras' own variables, whose checks are a third of what a layer takes to be traced
            value = moving.value.value() * before + batch * now
            tf.raw_ops.AssignVariableOp(resource=moving.value.handle, value=value)
        # a ReLU behind it would else be joined to it, by a kernel that makes NaN 0: no loss would show a divergence
        out = tf.ensure_shape(out, inputs.shape)
    return out


def _moving(norm: Any) -> tuple[Any, Any]:
    return norm.moving_mean, norm.moving_variance
