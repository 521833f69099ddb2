"""The stages of a backbone, found from the strides of its own graph."""

import math
from typing import Any


def stage_of_layers(model: Any) -> dict[str, int]:
    """Level of each layer of a functional keras.Model: log2 of the stride that its output has.

    Found on the bare backbone at its default size, never by layer names (some models of
    keras.applications rename layers on a second build), never at the run's size (MobileNetV2 has
    four strides at 32 px and five at 64). A layer whose output has no extent left (a pooled
    squeeze-excite branch) takes the level of what it reads; no layer is below what it reads, so a
    stage depends on earlier stages only.
    """
    height = model.inputs[0].shape[1]
    levels: dict[str, int] = {}
    for layer in model.layers:
        before = [levels[p] for node in layer._inbound_nodes for p in _parents(node) if p in levels]
        level = max(before, default=0)
        shape: tuple = tuple(getattr(layer.output, "shape", ()))
        if len(shape) == 4 and (shape[1] or 0) > 1:
            level = max(level, round(math.log2(height / shape[1])))
        levels[layer.name] = level
    return levels


def stage_of_weights(model: Any) -> list[tuple[int, Any]]:
    """(level, layer) of each entry of `model.weights`, in that order; every weight exactly once.

    Raises:
        RuntimeError: if a weight belongs to no layer or to two.
    """
    levels = stage_of_layers(model)
    owner: dict[int, tuple[int, Any]] = {}
    for layer in model.layers:
        for leaf in layer._flatten_layers():
            for weight in leaf._trainable_variables + leaf._non_trainable_variables:
                if id(weight) in owner:
                    raise RuntimeError(f"weight {weight.path} belongs to two layers")
                owner[id(weight)] = (levels[layer.name], leaf)
    if missing := [w.path for w in model.weights if id(w) not in owner]:
        raise RuntimeError(f"weights of no layer: {missing[:3]}")
    return [owner[id(w)] for w in model.weights]


def _parents(node: Any) -> list[str]:
    return [tensor._keras_history.operation.name for tensor in node.input_tensors]
