"""A network that was traced before, in place of one of the same layers that was just built: nothing is traced again."""

from typing import Any

import keras
import numpy as np

from lab.networks.net import Net, assign, to_numpy

MOVING = ("name", "trainable", "momentum")  # of a layer's configuration: what training sets, and counters


def become(old: Net, new: Net) -> bool:
    """Puts everything that is in a new network into an old one, if they have the same layers; whether they have.

    Afterwards the old one computes what the new one would, to the bit, by whatever has been traced of it.
    """
    if about(old) != about(new):
        return False
    assign(old.model.variables, [to_numpy(v) for v in new.model.variables])
    old.count_as(new)
    for mine, theirs in zip(old.norms(), new.norms(), strict=True):
        mine.momentum = theirs.momentum
    return True


def about(net: Net) -> Any:
    """All that what is traced of a network depends on: its parts, its layers, the variables that they have."""
    layers = [(type(x).__name__, _fixed(x)) for x in net.model._flatten_layers()]
    variables = [(tuple(v.shape), str(v.dtype)) for v in net.model.variables]
    made_of = (net.backbone, net.shape, net.head, net.outputs, net.contrast, net.channels, net.bands, net.scaling)
    return *map(repr, made_of), net.stride, net.matched_from, repr(net.probe), layers, variables


def _fixed(layer: Any) -> str:
    """A layer's configuration, and of Keras' Normalization its weights, which it computes with as constants."""
    if isinstance(layer, keras.Model):
        return ""  # its layers are among the others
    config = {k: v for k, v in layer.get_config().items() if k not in MOVING}
    constants = [np.asarray(to_numpy(w)).tobytes() for w in layer.weights] if _is_constant(layer) else []
    return repr((config, constants))


def _is_constant(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Normalization)
