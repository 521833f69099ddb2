"""A learning rate at which nothing is learnt, or everything is lost: the range test.

The rate grows from batch to batch until the loss explodes. Smith 2017, https://arxiv.org/abs/1506.01186
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lab.checks import CHECKS, Finding, finding
from lab.networks.net import assign, to_numpy
from lab.training.optimizers import Terms

LOWEST, HIGHEST = 1e-6, 1.0
SMOOTH = 0.9  # momentum of the average of the loss
EXPLODED = 3.0  # times the lowest loss
BELOW = 300.0  # times below the suggestion: far too slow


def check(trainer: Any) -> Finding | None:
    """Whether the run's rate is beyond where the loss turns, or far below where it falls."""
    found, rate = found_by_range_test(trainer), trainer.options.learning_rate
    low, high = found / BELOW, found * 10
    if low <= rate <= high:
        return None
    return finding(
        f"--learning-rate {rate:g} is {'above' if rate > high else 'far below'} the range {low:.1g} to {high:.1g}",
        "the loss explodes there" if rate > high else "nothing is learnt within the budget",
        f"--learning-rate {found:.1g}, or auto",
        suggested=found,
    )


def found_by_range_test(trainer: Any) -> float:
    """A tenth of the rate at which the smoothed loss is lowest, everything training at once.

    The rates of a strategy's phases are multiples of the run's.
    """
    steps = CHECKS["rate"][1]
    rates = np.geomspace(LOWEST, HIGHEST, steps)
    average, losses = 0.0, []
    with trial(trainer, trainer.options.optimizer) as model:
        for step, (x, y) in enumerate(trainer.feed.batches(0, range(steps))):
            model.optimizer.learning_rate = float(rates[step])
            loss = float(model.train_on_batch(x, y, return_dict=True)["loss"])
            average = SMOOTH * average + (1 - SMOOTH) * loss
            losses.append(average / (1 - SMOOTH ** (step + 1)))
            if not np.isfinite(loss) or losses[-1] > EXPLODED * min(losses):
                break
    return float(rates[int(np.nanargmin(losses))] / 10)


@contextmanager
def trial(trainer: Any, optimizer: str) -> Iterator[Any]:
    """The network to train for a while by this optimizer, everything in it learning; afterwards it is as it was."""
    net = trainer.net
    kept = [to_numpy(v) for v in net.model.variables]
    net.train_only(net.parts.all)
    yield trainer.compiled(net.model, optimizer, lambda _: Terms())
    assign(net.model.variables, kept)
