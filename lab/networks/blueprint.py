"""What a backbone is at its default size: there its stages, its pyramid and the order of its weights are found."""

import random
from dataclasses import dataclass
from functools import lru_cache

from lab.backbones import Backbone
from lab.networks import pyramid
from lab.networks.stages import stage_levels, structure


@dataclass(frozen=True)
class Blueprint:
    """What is known of a backbone by a build at its default size.

    Attributes:
        structure: what must agree, weight by weight, where weights are carried to another size.
        levels: the stage level of each weight.
        layout: its operations, by which the places of its pyramid are known.
    """

    structure: list[tuple]
    levels: list[int]
    layout: pyramid.Layout


@lru_cache
def blueprint(backbone: Backbone, channels: int) -> Blueprint:
    """The blueprint of a backbone for images of so many channels, found once a process.

    Random numbers are drawn as if it had not been built: a network must not depend on what was built before it.
    """
    drawn = random.getstate()  # of Python's own, from which Keras seeds its initializers
    model = pyramid.functional(backbone.build((backbone.default_size, backbone.default_size, channels)))
    random.setstate(drawn)
    return Blueprint(structure(model), stage_levels(model), pyramid.layout(model))
