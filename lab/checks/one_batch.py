"""A network that cannot even learn one batch by heart: something between image, label and loss is broken.

Karpathy 2019, https://karpathy.github.io/2019/04/25/recipe/
"""

from typing import Any

import numpy as np

from lab.checks import CHECKS, Finding, finding
from lab.checks.rate import trial
from lab.inputs.data import evenly

IMAGES = 16
RATE = 1e-3
FALL = 0.5  # of the loss, that has to be gone in the end


def check(trainer: Any) -> Finding | None:
    """Trains on a few images, repeated to a batch of the run's size, until half of the loss is gone."""
    count = min(IMAGES, trainer.options.batch_size, len(trainer.data.train))
    few = evenly(len(trainer.data.train), count)
    take = np.resize(few, trainer.options.batch_size)
    x, y = trainer.net.sized(np.asarray(trainer.data.train.images[take])), trainer.feed.targets(take)
    losses: list[float] = []
    with trial(trainer, "adam") as model:
        model.optimizer.learning_rate = RATE
        for _ in range(CHECKS["one_batch"][1]):
            losses.append(float(model.train_on_batch(x, y, return_dict=True)["loss"]))
            last = float(np.median(losses[-5:]))
            if len(losses) >= 5 and last < (1 - FALL) * losses[0]:
                return None
    return finding(
        f"{count} images cannot be learnt by heart: loss {losses[0]:.2f}, and {last:.2f} after {len(losses)} steps",
        f"what cannot fit {count} images will not fit the data",
        "look at images and labels (`python -m lab.data show`), at preprocess() and at the head",
        first=losses[0],
        last=last,
    )
