"""What a step moved: proved on the weights themselves, never on flags."""

from typing import Any

import numpy as np

from lab.networks.features import weights_digest
from lab.networks.net import Net
from lab.steps import Selection

Array = np.ndarray


class FrozenMoved(Exception):
    """Something that a step left out of its selection changed: a bug, never to be averaged over."""


def moved(net: Net, before: list[Array], select: Selection, must: bool) -> list[dict[str, Any]]:
    """What each stage did in a step: values that were free, relative drift, a digest of what was frozen.

    Drift is the L2 norm of the change over the L2 norm before; of statistics and of the rest apart.

    Raises:
        FrozenMoved: something outside the selection changed, or, where something `must` move, a
            stage's free weights did not.
    """
    after, rows = net.values(), []
    for stage in net.parts.stages:
        inside = [i for i, p in enumerate(net.parts.parts) if p.stage == stage]
        frozen = [i for i in inside if i not in select]
        for i in frozen:
            if before[i].tobytes() != after[i].tobytes():
                raise FrozenMoved(f"{net.model.weights[i].path} in {stage} moved although it was frozen")
        free = [i for i in inside if i in select]
        weights = [i for i in free if net.parts.parts[i].kind != "statistics"]
        if must and weights and all(before[i].tobytes() == after[i].tobytes() for i in weights):
            raise FrozenMoved(f"nothing in {stage} moved although it was to be trained")
        rows.append(
            {
                "stage": stage,
                "free": sum(net.parts.parts[i].size for i in free),
                "frozen": sum(net.parts.parts[i].size for i in frozen),
                "drift": _drift(before, after, weights),
                "statistics_drift": _drift(before, after, [i for i in free if i not in weights]),
                "frozen_digest": weights_digest([after[i] for i in frozen])[:16] if frozen else None,
            }
        )
    return rows


def _drift(before: list[Array], after: list[Array], chosen: list[int]) -> float | None:
    if not chosen:
        return None
    change = sum(float(((after[i].astype("float64") - before[i]) ** 2).sum()) for i in chosen)
    size = sum(float((before[i].astype("float64") ** 2).sum()) for i in chosen)
    return float(np.sqrt(change / size)) if size else float(np.sqrt(change))
