"""The stages of a backbone, found from the strides of its own graph."""

import math
import re
from typing import Any

import keras

from lab.steps import Kind

AFFINE: dict[str, Kind] = {"gamma": "scale", "beta": "shift"}


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


def stage_levels(model: Any) -> list[int]:
    """Level of each entry of `model.weights`; constants (an input normalisation) go with the next stage that learns."""
    found = [
        (level, kind_of(w, layer)) for w, (level, layer) in zip(model.weights, stage_of_weights(model), strict=True)
    ]
    stages = sorted({level for level, kind in found if kind != "constant"})
    return [min(s for s in stages if s >= level) for level, _ in found]


def kind_of(variable: Any, layer: Any) -> Kind:
    """What a variable is for, by its name within its layer and by the layer's class."""
    name = variable.name
    if isinstance(layer, keras.layers.BatchNormalization):
        return AFFINE.get(name, "statistics")
    if type(layer).__name__ in ("LayerNormalization", "GroupNormalization", "LayerScale"):
        return AFFINE.get(name, "scale")  # Keras leaves that of ConvNeXt's layer scale without a name
    if name.startswith("lora_"):
        return "adapter"
    if all(variable is not v for v in layer._trainable_variables):
        return "constant"
    return "bias" if "bias" in name else "kernel"


def structure(model: Any) -> list[tuple]:
    """What must agree, weight by weight, for weights to be carried from one build of a backbone to another.

    Class of the layer, name of the weight (without the number that Keras gives to unnamed ones), shape.
    """
    owners = [layer for _, layer in stage_of_weights(model)]
    return [
        (type(layer).__name__, re.sub(r"_\d+$", "", w.name), tuple(w.shape))
        for w, layer in zip(model.weights, owners, strict=True)
    ]


def _parents(node: Any) -> list[str]:
    return [tensor._keras_history.operation.name for tensor in node.input_tensors]
