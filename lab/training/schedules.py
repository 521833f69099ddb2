"""Learning-rate schedules by name: from the peak rate and the steps of a phase to the rate of each step.

Numbers, not Keras' schedules, which would be traced with the step: a step is traced once, whatever its phase's budget.
"""

from collections.abc import Callable
from math import cos, pi

Schedule = Callable[[int], float]  # number of the step, from 0, to its rate


def cosine(rate: float, steps: int) -> Schedule:
    """From the rate to 0 along half a cosine; Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983."""
    return lambda step: rate * (1 + cos(pi * min(step / steps, 1.0))) / 2


def warmup(rate: float, steps: int) -> Schedule:
    """From 0 to the rate over a tenth of the steps, then down to 0 along half a cosine.

    Goyal et al. 2017, https://arxiv.org/abs/1706.02677
    """
    return _risen(0.0, rate, max(1, round(0.1 * steps)), steps)


def onecycle(rate: float, steps: int) -> Schedule:
    """From a 25th of the rate up to it over 30 % of the steps, then down to 0 along half a cosine.

    Smith and Topin 2018, https://arxiv.org/abs/1708.07120; the shape is fastai's.
    """
    return _risen(rate / 25, rate, max(1, round(0.3 * steps)), steps)


def _risen(low: float, rate: float, up: int, steps: int) -> Schedule:
    """From a low rate evenly to the rate in `up` steps, then half a cosine over those that are left."""
    down = cosine(rate, max(1, steps - up))
    return lambda step: low + (rate - low) * step / up if step < up else down(step - up)


SCHEDULES: dict[str, Callable[[float, int], Schedule]] = {
    "cosine": cosine,
    "warmup": warmup,
    "onecycle": onecycle,
    "constant": lambda rate, _: lambda step: rate,
}
