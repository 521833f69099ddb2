"""The pyramid of a backbone: one tensor for each stride, from its own graph, for a decoder to join.

A tensor holds all that was computed so far only where every path from input to output goes through it: at a cut
point. Of each stride the deepest one is taken, and the backbone's own output is the last.
"""

from typing import Any

import keras

from lab.errors import BadInput
from lab.networks.stages import stage_of_layers


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


def taps(backbone: Any, reference: Any, body: Any) -> dict[int, int]:
    """{stride: index in `body.operations`} of the pyramid, finest first.

    Strides are those of `reference`, the backbone at its default size. Neither the image nor what only normalises it
    is a feature, and padding adds none.

    Raises:
        BadInput: between the finest stride and the output's there is one without a cut point; or the layers differ.
    """
    if [type(x) for x in body.operations] != [type(x) for x in reference.operations]:
        raise BadInput(
            f"{backbone} has other layers at {' x '.join(map(str, body.inputs[0].shape[1:3]))} px than at its default "
            f"{backbone.default_size} px, so their strides are not known; choose another --size"
        )
    levels, cuts = stage_of_layers(reference), set(cut_points(reference))
    found, level, learns = {}, 0, False
    for i, operation in enumerate(reference.operations):
        level = max(level, levels.get(operation.name, 0))  # an operation that is no layer changes no stride
        learns = learns or bool(getattr(operation, "trainable_weights", ()))
        if i in cuts and learns and not isinstance(operation, keras.layers.ZeroPadding2D):
            found[2**level] = i
    strides = [2**k for k in range(level) if 2**k > min(found)]
    if missing := [s for s in strides if s not in found]:
        raise BadInput(
            f"{backbone} cannot have a decoder: at stride {', '.join(map(str, missing))} no tensor holds all that was "
            f"computed, since branches jump over each other (only at {' and '.join(map(str, found))}); use another "
            "backbone, as MobileNetV2 or ResNet50"
        )
    return found


def encoder(body: Any, taps: dict[int, int], output_stride: int) -> Any:
    """A keras.Model from what the body reads to its pyramid: a list of tensors (N, h, w, F), finest first.

    `output_stride` is that of the body's output, which it may have been brought to; see `lab.networks.atrous`.
    """
    finer = [body.operations[i].output for stride, i in taps.items() if stride < output_stride]
    return keras.Model(body.inputs, [*finer, body.outputs[0]], name="encoder")
