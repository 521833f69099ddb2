"""Learning-rate schedules by name: from the peak rate and the steps of a phase to what Keras' optimizers take."""

from collections.abc import Callable
from typing import Any

import keras


def cosine(rate: float, steps: int):
    """From the rate to 0 along half a cosine; Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983."""
    return keras.optimizers.schedules.CosineDecay(rate, steps)


def warmup(rate: float, steps: int):
    """From 0 to the rate over a tenth of the steps, then down to 0 along half a cosine.

    Goyal et al. 2017, https://arxiv.org/abs/1706.02677
    """
    up = max(1, round(0.1 * steps))
    return keras.optimizers.schedules.CosineDecay(0.0, max(1, steps - up), warmup_target=rate, warmup_steps=up)


def onecycle(rate: float, steps: int):
    """From a 25th of the rate up to it over 30 % of the steps, then down to 0 along half a cosine.

    Smith and Topin 2018, https://arxiv.org/abs/1708.07120; the shape is fastai's.
    """
    up = max(1, round(0.3 * steps))
    return keras.optimizers.schedules.CosineDecay(rate / 25, max(1, steps - up), warmup_target=rate, warmup_steps=up)


SCHEDULES: dict[str, Callable[[float, int], Any]] = {
    "cosine": cosine,
    "warmup": warmup,
    "onecycle": onecycle,
    "constant": lambda rate, _: rate,
}


class InParts(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule by steps, of an optimizer that counts each of the parts of a step as Keras does."""

    def __init__(self, schedule: Callable[[Any], Any], parts: int):
        self.schedule, self.parts = schedule, parts

    def __call__(self, step: Any) -> Any:
        return self.schedule(keras.ops.floor_divide(step, self.parts))
