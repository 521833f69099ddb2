"""Batch normalisation in inference, made part of the convolution before it: a kernel of its own, and a bias.

    gamma (conv(x, k) + b - mean) / sqrt(var + eps) + beta  =  conv(x, s k) + (beta + s (b - mean)),
    s = gamma / sqrt(var + eps)

Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3.2. Nothing is stored: a graph computes both from the
variables, as they are whenever it runs. TensorFlow makes one operation of a convolution, a bias and the activation
behind it; of a depthwise convolution and batch normalisation it does not.
"""

from typing import Any

COPIED = ("strides", "padding", "explicit_paddings", "data_format", "dilations")
PLACES = {  # of the channels (C,) in the kernel of what is folded into
    "Conv2D": lambda kernel: (kernel.shape[-1],),  # (h, w, D, C)
    "DepthwiseConv2dNative": lambda kernel: kernel.shape[-2:],  # (h, w, D, C / D)
}


def folded(norm: Any, inputs: Any) -> Any | None:
    """What a batch norm gives in inference for maps (N, H, W, C), by the convolution that they come from.

    None where they come from none, or something else reads them as well, for which they are computed anyway.
    """
    import tensorflow as tf

    if not (tf.is_symbolic_tensor(inputs) and _is_only_reader(norm)):
        return None
    bias, conv = 0.0, inputs.op
    if conv.type == "BiasAdd":
        (before, bias), conv = conv.inputs, conv.inputs[0].op
    if conv.type not in PLACES:
        return None
    x, kernel = conv.inputs
    scale = tf.math.rsqrt(tf.convert_to_tensor(norm.moving_variance) + norm.epsilon)
    scale = scale * norm.gamma if norm.scale else scale
    offset = scale * (bias - tf.convert_to_tensor(norm.moving_mean))
    offset = offset + norm.beta if norm.center else offset
    as_before = {name: conv.get_attr(name) for name in COPIED}
    made = getattr(tf.raw_ops, conv.type)(
        input=x, filter=kernel * tf.reshape(scale, PLACES[conv.type](kernel)), **as_before
    )
    return tf.nn.bias_add(made, offset)


def _is_only_reader(norm: Any) -> bool:
    """Whether nothing else in a model reads what a batch norm does."""
    read = [node.input_tensors[0] for node in norm._inbound_nodes]
    readers = [
        [t for node in tensor._keras_history.operation._outbound_nodes for t in node.input_tensors if t is tensor]
        for tensor in read
    ]
    return all(len(some) == 1 for some in readers)
