"""Layers that stand in place of a head: made of what a probe found, and made again from a record, by name and sizes."""

from typing import Any

from lab.probes.boosted_trees import BoostedTrees
from lab.probes.nearest_neighbours import NearestNeighbours
from lab.probes.solving import Neighbours, Trees

KINDS = {kind.__name__: kind for kind in (NearestNeighbours, BoostedTrees)}


def described(found: Neighbours | Trees) -> dict[str, Any]:
    """The layer that holds what was found: its name and its sizes, JSON-able, as `made` takes them."""
    if isinstance(found, Neighbours):
        count, dimension = found.keys.shape
        sizes = {"k": found.k, "temperature": found.temperature, "count": count, "dimension": dimension}
        return {"layer": "NearestNeighbours", "classes": found.classes, **sizes}
    trees, depth = found.features.shape
    return {"layer": "BoostedTrees", "trees": trees, "depth": depth, "classes": len(found.bias)}


def made(about: dict[str, Any]) -> Any:
    """The empty layer that was described."""
    return KINDS[about["layer"]](**{name: value for name, value in about.items() if name != "layer"}, name="probe")


def arrays(found: Neighbours | Trees) -> list[Any]:
    """What the layer's weights are set to, in their order."""
    if isinstance(found, Neighbours):
        return [found.keys, found.labels]
    return [found.features, found.borders, found.leaves, found.bias]
