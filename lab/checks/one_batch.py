"""A network that cannot even learn one batch by heart: something between image, label and loss is broken.

Karpathy 2019, https://karpathy.github.io/2019/04/25/recipe/
"""

from typing import Any

import numpy as np

from lab.checks import CHECKS, Finding, finding
from lab.checks.rate import trial

BATCH = 16
RATE = 1e-3
FALL = 0.5  # of the loss, that has to be gone in the end


def check(trainer: Any) -> Finding | None:
    steps = CHECKS["one_batch"][1]
    take = np.arange(len(trainer.data.train))[:: max(1, len(trainer.data.train) // BATCH)][:BATCH]
    x, y = trainer.net.sized(np.asarray(trainer.data.train.images[take])), trainer.targets(take)
    with trial(trainer, RATE) as model:
        losses = [float(model.train_on_batch(x, y, return_dict=True)["loss"]) for _ in range(steps)]
    first, last = losses[0], float(np.median(losses[-5:]))
    if last < (1 - FALL) * first:
        return None
    return finding(
        f"{len(take)} images cannot be learnt by heart: loss {first:.2f} at first, {last:.2f} after {steps} steps",
        "what cannot fit sixteen images will not fit the data",
        "look at images and labels (`python -m lab.data show`), at preprocess() and at the head",
        first=first,
        last=last,
    )
