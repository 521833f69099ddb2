"""A backbone's last strides become dilation: features on a finer grid, from the same weights.

Chen et al. 2017, https://arxiv.org/abs/1706.05587. Where the original has a tensor `x`, the rewritten network has `y`
with `y[:, ::rate, ::rate] == x`: a window behind a removed stride reads places that are `rate` apart, and what is
padded before it is `rate` times as wide. So every value of the original is still computed, and those between them.
Only a mean over the whole image (squeeze and excite) is taken over more places, and is another one.
"""

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from lab.errors import BadInput

CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
POOLS = (layers.MaxPooling2D, layers.AveragePooling2D)
KNOWN = (*CONVOLUTIONS, *POOLS, layers.ZeroPadding2D)
Pads = list[tuple[int, int]]  # before and behind, of height and width


def rewritten(backbone: Any, model: Any, output_stride: int) -> Any:
    """The functional keras.Model at that output stride, or itself where its own is no larger; the same weights.

    They are in the same order: a layer that takes further steps becomes a small model in its own place.

    Raises:
        BadInput: it pools in windows where a stride is gone already, or moves places in a way not known here.
    """
    strides: dict[str, tuple[int, int]] = {}  # of what an operation reads, and of what it gives
    for operation in model.operations:
        stride = max((strides[tensor._keras_history.operation.name][1] for tensor in _read(operation)), default=1)
        strides[operation.name] = stride, stride * _stride(operation)
    if output_stride >= max(given for _, given in strides.values()):
        return model
    leaves = [leaf for operation in model.operations for leaf in _leaves(operation, strides[operation.name][0])]
    pooled = max((stride for x, stride in leaves if isinstance(x, POOLS) and max(x.pool_size) > 1), default=1)
    if output_stride < pooled:
        raise BadInput(
            f"{backbone} cannot have output stride {output_stride}: it pools in windows at stride {pooled}, which "
            f"dilation does not replace; use output_stride={pooled}, or another backbone, as ResNet50"
        )
    unknown = [x for x, stride in leaves if stride > output_stride and not isinstance(x, KNOWN) and _moves(x)]
    if unknown:
        raise BadInput(
            f"{backbone} cannot have output stride {output_stride}: nothing here replaces its "
            f"{type(unknown[0]).__name__}; use its own output stride, or another backbone, as ResNet50"
        )

    def call(operation, *inputs, **options):
        stride, given = strides[operation.name]
        if given <= output_stride or not isinstance(operation, (*KNOWN, keras.Sequential)):
            return _copied(operation)(*inputs, **options)
        x = y = keras.Input(inputs[0].shape[1:], dtype=inputs[0].dtype)
        for layer, read in _leaves(operation, stride):
            y = _applied(layer, y, read, output_stride)
        return keras.Model(x, y, name=operation.name)(inputs[0])

    made = keras.models.clone_model(model, clone_function=lambda operation: operation, call_function=call)
    for old, new in zip(_owners(model), _owners(made), strict=True):
        store: dict[str, Any] = {}
        old.save_own_variables(store)
        # not assign(), since Keras' Normalization computes with what it last loaded; copies, since JAX frees its own
        new.load_own_variables({name: np.array(keras.ops.convert_to_numpy(v)) for name, v in store.items()})
    return made


def _applied(layer: Any, x: Any, stride: int, output_stride: int) -> Any:
    """What a layer gives for `x`, which the original has at `stride`."""
    rate = max(1, stride // output_stride)
    if isinstance(layer, layers.ZeroPadding2D):
        return _copied(layer, padding=[[rate * edge for edge in axis] for axis in layer.padding])(x)
    if not isinstance(layer, CONVOLUTIONS + POOLS):
        return _copied(layer)(x)
    pads = _pads(layer, x, rate, max(1, stride * _stride(layer) // output_stride))
    if isinstance(layer, CONVOLUTIONS):
        dilation = [rate * d for d in layer.dilation_rate]
        reaches = [(size - 1) * d for size, d in zip(layer.kernel_size, dilation, strict=True)]
        if pads == [(reach // 2, reach - reach // 2) for reach in reaches]:
            return _copied(layer, strides=1, dilation_rate=dilation, padding="same")(x)
        return _copied(layer, strides=1, dilation_rate=dilation, padding="valid")(_padded(x, pads, 0.0))
    if isinstance(layer, layers.MaxPooling2D):
        return _copied(layer, strides=1, padding="valid")(_padded(x, pads, -float("inf")))
    # only Keras' own "same" leaves what is padded out of an average: it is used, and what stands too far out is cut off
    same = _copied(layer, strides=1, padding="same")(x)
    ahead = [(size - 1) // 2 - before for size, (before, _) in zip(layer.pool_size, pads, strict=True)]
    crops = [(a, max(0, s - 1 - a - sum(p))) for a, s, p in zip(ahead, layer.pool_size, pads, strict=True)]
    return layers.Cropping2D(crops)(same)


def _pads(layer: Any, x: Any, rate: int, given: int) -> Pads:
    """What to pad, so that every window stands where the original's stands and the grid stays as large as `x` is.

    `rate` and `given`: how many places of `x`, and of the result, come to one of the original. The grid ends within
    the original's last place, so that nothing is seen where the original sees padding.
    """
    pads = []
    sizes = layer.kernel_size if isinstance(layer, CONVOLUTIONS) else layer.pool_size
    dilations = getattr(layer, "dilation_rate", (1, 1))
    source = layer.input._keras_history.operation
    edges = source.padding if isinstance(source, layers.ZeroPadding2D) else ((0, 0), (0, 0))
    for axis in (0, 1):
        read, made, extent = layer.input.shape[1 + axis], layer.output.shape[1 + axis], x.shape[1 + axis]
        reach = (sizes[axis] - 1) * dilations[axis]
        same = max(0, (made - 1) * layer.strides[axis] + reach + 1 - read) if layer.padding == "same" else 0
        before = rate * (same // 2)  # of an odd number the larger half is behind
        image = extent - rate * sum(edges[axis])
        wanted = min(given * made, max(image, extent - rate * reach))
        pads.append((before, wanted + rate * reach - extent - before))
    return pads


def _padded(x: Any, pads: Pads, value: float) -> Any:
    return ops.pad(x, [(0, 0), *pads, (0, 0)], constant_values=value) if any(map(any, pads)) else x


def _copied(operation: Any, **changes: Any) -> Any:
    return type(operation).from_config({**operation.get_config(), **changes})


def _stride(operation: Any) -> int:
    """How many places of what an operation reads come to one of what it gives, along height and width."""
    if isinstance(operation, keras.Sequential):
        return math.prod(map(_stride, operation.layers))
    return max(operation.strides) if isinstance(operation, CONVOLUTIONS + POOLS) else 1


def _leaves(operation: Any, stride: int) -> Iterator[tuple[Any, int]]:
    """(operation, stride of what it reads), or that of each layer of a sequence."""
    if not isinstance(operation, keras.Sequential):
        yield operation, stride
        return
    for layer in operation.layers:
        yield from _leaves(layer, stride)
        stride *= _stride(layer)


def _moves(operation: Any) -> bool:
    """Whether it may read neighbours: it is a model, or gives another grid than it reads and not just one place."""
    grids = [tuple(tensor.shape[1:3]) for tensor in (operation.output, *_read(operation))]
    moved = len(operation.output.shape) == 4 and grids[0] not in [(1, 1), *grids[1:]]
    return moved or isinstance(operation, keras.Model)


def _read(operation: Any) -> list[Any]:
    return [tensor for node in operation._inbound_nodes for tensor in node.input_tensors]


def _owners(model: Any) -> list[Any]:
    """The layers that own variables, in the order of the graph."""
    return [x for x in model._flatten_layers() if x._trainable_variables or x._non_trainable_variables]
