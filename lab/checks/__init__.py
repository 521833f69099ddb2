"""Mistakes that the lab looks for, before a run and after it; one file, one mistake.

`python -m lab.doctor` looks for all of them. A run looks, too, before it trains: for those that need
training steps of their own only where these are few beside its budget.

May import training and all below; may not import runs, which make them.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

Finding = dict[str, Any]
OF_IMAGES = ("images", "channels", "strides", "labels", "one_batch")  # not looked for in tables
SHARE = 0.05  # of a run's steps, that its checks may take at most
CHECKS = {  # file: (what is looked for, training steps that it takes)
    "versions": ("versions and devices", 0),
    "images": ("input range and double rescaling", 0),
    "channels": ("order of the channels", 0),
    "strides": ("a size that suits the backbone", 0),
    "labels": ("labels that go with their images", 0),
    "statistics": ("batch-norm statistics that keep up", 0),
    "one_batch": ("a batch that can be learnt by heart", 60),
    "rate": ("a learning rate in range", 100),
}


def finding(what: str, why: str, do: str, **figures: float) -> Finding:
    """One mistake: what was seen, why it matters, what to do; and the figures, for the record."""
    return {"what": what, "why": why, "do": do, **figures}


def before(trainer: Any, every: bool = False) -> Iterator[tuple[str, Finding | None]]:
    """(what was looked for, what was found) of each check; leaves the network as it was.

    With `every`, also those that would take more than a twentieth of the run's steps.
    """
    for name, (what, steps) in CHECKS.items():
        if trainer.data.table and name in OF_IMAGES:
            continue
        if every or steps <= SHARE * (trainer.steps if trainer.options.seconds is None else 0):
            yield what, import_module(f"lab.checks.{name}").check(trainer)
