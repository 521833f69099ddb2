"""Floating-point operations of a network, counted from its layers' kernels."""

from math import prod
from typing import Any


def gflops(model: Any) -> float:
    """Billions of operations that one image takes: two for each multiply-add of convolutions and dense layers.

    What has no kernel (normalisation, activation, pooling, resizing) is left out, as is usual.
    """
    return 2 * sum(map(_multiply_adds, model._flatten_layers())) / 1e9


def _multiply_adds(layer: Any) -> int:
    """Multiply-adds of one layer: each place of its output (a transposed one's input) uses the kernel once."""
    kernels = [w for w in layer._trainable_variables + layer._non_trainable_variables if w.name.endswith("kernel")]
    if not kernels or not layer._inbound_nodes:
        return 0
    node = layer._inbound_nodes[-1]
    transposed = "Transpose" in type(layer).__name__
    shape = (node.input_tensors if transposed else node.output_tensors)[0].shape
    return prod(shape[1:-1]) * sum(prod(w.shape) for w in kernels)
