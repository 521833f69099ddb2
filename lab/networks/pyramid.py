"""The pyramid of a backbone: one tensor for each stride, from its own graph, for a decoder to join.

A tensor holds all that was computed so far only where every path from input to output goes through it: at a cut
point. Of each stride the deepest one is taken, and the backbone's own output is the last.
"""

from typing import Any, NamedTuple

import keras

from lab.errors import BadInput
from lab.networks.stages import stage_of_layers


def functional(model: Any) -> Any:
    """A model whose operations can be asked for: a Sequential as the functional keras.Model of its layers."""
    return keras.Model(model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else model


def cut_points(model: Any) -> list[int]:
    """Indices of the operations of a functional keras.Model that every path from input to output goes through."""
    place = {id(operation): i for i, operation in enumerate(model.operations)}
    reach = [0] * len(place)  # index of the last operation that reads this one
    for i, operation in enumerate(model.operations):
        for node in operation._inbound_nodes:
            for tensor in node.input_tensors:
                if (read := place.get(id(tensor._keras_history.operation))) is not None:
                    reach[read] = i  # of increasing ones
    return [i for i in range(len(reach)) if max(reach[:i], default=0) <= i]  # no edge jumps over it


class Layout(NamedTuple):
    """A backbone's operations in order: their kinds, {stride: index} of its cut points, the stride of its output."""

    kinds: list[type]
    cuts: dict[int, int]
    stride: int


def layout(model: Any) -> Layout:
    """Of a functional keras.Model, a backbone at its default size: the deepest cut point of each stride, finest first.

    Neither the image nor what only normalises it is a feature, and padding adds none.
    """
    levels, cuts = stage_of_layers(model), set(cut_points(model))
    found, level, learns = {}, 0, False
    for i, operation in enumerate(model.operations):
        level = max(level, levels.get(operation.name, 0))  # an operation that is no layer changes no stride
        learns = learns or bool(getattr(operation, "trainable_weights", ()))
        if i in cuts and learns and not isinstance(operation, keras.layers.ZeroPadding2D):
            found[2**level] = i
    return Layout([type(x) for x in model.operations], found, 2**level)


def taps(backbone: Any, of: Layout, body: Any) -> dict[int, int]:
    """{stride: index in `body.operations`} of the pyramid, finest first; strides are those at the default size.

    Raises:
        BadInput: between the finest stride and the output's there is one without a cut point; or the layers differ.
    """
    if [type(x) for x in body.operations] != of.kinds:
        raise BadInput(
            f"{backbone} has other layers at {' x '.join(map(str, body.inputs[0].shape[1:3]))} px than at its default "
            f"{backbone.default_size} px, so their strides are not known; choose another --size"
        )
    strides = [2**k for k in range(of.stride.bit_length() - 1) if 2**k > min(of.cuts)]
    if missing := [s for s in strides if s not in of.cuts]:
        raise BadInput(
            f"{backbone} cannot have a decoder: at stride {', '.join(map(str, missing))} no tensor holds all that was "
            f"computed, since branches jump over each other (only at {' and '.join(map(str, of.cuts))}); use another "
            "backbone, as MobileNetV2 or ResNet50"
        )
    return of.cuts


def encoder(body: Any, taps: dict[int, int], output_stride: int) -> Any:
    """A keras.Model from what the body reads to its pyramid: a list of tensors (N, h, w, F), finest first.

    `output_stride` is that of the body's output, which it may have been brought to; see `lab.networks.atrous`.
    """
    finer = [body.operations[i].output for stride, i in taps.items() if stride < output_stride]
    return keras.Model(body.inputs, [*finer, body.outputs[0]], name="encoder")
