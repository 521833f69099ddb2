"""Batch normalisation in inference, made part of the convolution before it: a kernel of its own, and a bias.

    gamma (conv(x, k) + b - mean) / sqrt(var + eps) + beta  =  conv(x, s k) + (beta + s (b - mean)),
    s = gamma / sqrt(var + eps)

Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3.2. Nothing is stored: a graph computes both from the
variables, as they are whenever it runs. TensorFlow makes one operation of a convolution, a bias and the activation
behind it; of a depthwise convolution and batch normalisation it does not, nor of the zeros that Keras puts around maps
before a stride, which the convolution would put there itself.
"""

from math import ceil
from typing import Any

CHANNELS = {  # their places (C,) in the kernel of what can be folded into
    "Conv2D": lambda kernel: kernel.shape[-1:],  # (h, w, D, C)
    "DepthwiseConv2dNative": lambda kernel: kernel.shape[-2:],  # (h, w, D, C / D)
}


def folded(norm: Any, inputs: Any) -> Any | None:
    """What a batch norm gives in inference for maps (N, H, W, C), by the convolution that they come from.

    None where they come from none, or something else reads them as well, for which they are computed anyway.
    """
    import tensorflow as tf

    if not (tf.is_symbolic_tensor(inputs) and _is_only_reader(norm)):
        return None
    conv, bias = inputs.op, None
    if conv.type == "BiasAdd":
        conv, bias = conv.inputs[0].op, conv.inputs[1]
    if conv.type not in CHANNELS:
        return None
    ops, kernel = tf.raw_ops, conv.inputs[1]  # the operations themselves: TensorFlow's functions take longer to trace
    mean, variance = (tf.convert_to_tensor(v) for v in (norm.moving_mean, norm.moving_variance))
    scale = ops.Rsqrt(x=ops.AddV2(x=variance, y=norm.epsilon))
    if norm.scale:
        scale = ops.Mul(x=scale, y=tf.convert_to_tensor(norm.gamma))
    offset = ops.Mul(x=scale, y=mean if bias is None else ops.Sub(x=mean, y=bias))
    offset = ops.Sub(x=tf.convert_to_tensor(norm.beta), y=offset) if norm.center else ops.Neg(x=offset)
    by_channel = ops.Reshape(tensor=scale, shape=CHANNELS[conv.type](kernel))
    return ops.BiasAdd(value=_again(conv, ops.Mul(x=kernel, y=by_channel)), bias=offset)


def _is_only_reader(norm: Any) -> bool:
    """Whether nothing else in a model reads what a batch norm does."""
    read = [node.input_tensors[0] for node in norm._inbound_nodes]
    readers = [
        [t for node in tensor._keras_history.operation._outbound_nodes for t in node.input_tensors if t is tensor]
        for tensor in read
    ]
    return all(len(some) == 1 for some in readers)


def _again(conv: Any, kernel: Any) -> Any:
    """A convolution of a graph with another kernel, and with padding of its own where zeros were put around before."""
    import tensorflow as tf

    names = ("strides", "padding", "explicit_paddings", "data_format", "dilations")
    how, maps = {name: conv.get_attr(name) for name in names}, conv.inputs[0]
    if maps.op.type == "Pad" and how["padding"] == b"VALID" and _is_same(maps.op, kernel, how):
        how["padding"], maps = b"SAME", maps.op.inputs[0]
    return getattr(tf.raw_ops, conv.type)(input=maps, filter=kernel, **how)


def _is_same(pad: Any, kernel: Any, how: dict[str, Any]) -> bool:
    """Whether zeros around maps (N, H, W, C) are those of `SAME` padding, which depend on their size."""
    import tensorflow as tf

    if how["data_format"] != b"NHWC" or None in (sizes := pad.inputs[0].shape[1:3]):
        return False
    wanted = [(0, 0)]
    for size, k, stride, dilation in zip(sizes, kernel.shape, how["strides"][1:], how["dilations"][1:], strict=False):
        zeros = max(0, (ceil(size / stride) - 1) * stride + (k - 1) * dilation + 1 - size)
        wanted.append((zeros // 2, zeros - zeros // 2))
    found = tf.get_static_value(pad.inputs[1])
    return found is not None and found.tolist() == [list(pair) for pair in [*wanted, (0, 0)]]
