"""Images whose channels stand in the order blue, green, red, as OpenCV reads them."""

from typing import Any

import numpy as np

from lab.checks import Finding, finding
from lab.checks.labels import features, sample, votes

MARGIN = 3.0  # standard errors by which the other order has to be better, image by image (McNemar 1947)


def check(trainer: Any) -> Finding | None:
    """Whether a pretrained backbone tells the classes apart better with the channels reversed. Not for masks."""
    if (
        not trainer.data.train.has_classes
        or trainer.data.bands
        or trainer.data.shape[-1] != 3
        or not trainer.net.is_carried
        or trainer.net.features is None
    ):
        return None
    images, labels = sample(trainer.data.train)
    if float(np.abs(images[..., 0].astype(int) - images[..., 2]).mean()) < 1:
        return None  # grey
    right = [votes(features(trainer, x), labels) == labels for x in (images, images[..., ::-1])]
    better, worse = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    if better - worse <= MARGIN * np.sqrt(better + worse):
        return None
    as_is, reversed_ = (float(r.mean()) for r in right)
    return finding(
        f"nearest neighbours get {reversed_:.0%} right with the channels reversed, {as_is:.0%} as they are",
        "the source was trained on red, green, blue; the images seem to be blue, green, red",
        "reverse the last axis: OpenCV reads BGR",
        as_is=as_is,
        reversed=reversed_,
    )
