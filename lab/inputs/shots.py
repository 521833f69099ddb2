"""Few training examples: so many of each class, or a share. The fewer are among the more, for the same seed."""

import re
from typing import Any

import numpy as np

from lab.errors import BadInput

SALT = 0x5407  # so that the draw shares its chance with nothing else of the same seed


def check(shots: str) -> None:
    """Refuses what is no number of examples.

    Raises:
        BadInput: says what is allowed.
    """
    is_count, is_share = re.fullmatch(r"[1-9]\d{0,8}", shots), re.fullmatch(r"0?\.\d{1,9}", shots)
    if not (shots == "all" or is_count or (is_share and float(shots) > 0)):
        raise BadInput(f"--shots is a number of examples a class, a share as 0.1, or all; received {shots!r}")


def of(split: Any, shots: str, seed: int) -> Any:
    """The examples of a split that are trained on, in their order: of each class, or, where they have none, of all.

    A class that has fewer keeps what it has, and a share leaves each class one at least.
    """
    classes = np.asarray(split.labels) if split.has_classes else np.zeros(len(split), int)
    taken = []
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        count = max(1, round(float(shots) * len(members))) if "." in shots else int(shots)
        taken.append(np.random.default_rng([seed, SALT, int(label)]).permutation(members)[:count])
    return split.take(np.sort(np.concatenate(taken)))
