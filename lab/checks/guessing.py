"""A run that ends worse than a guess: it diverged, or learnt nothing, and its row says nothing about its strategy."""

from typing import Any

from lab.checks import Finding, finding
from lab.training.learner import Learner


def after(trainer: Learner, train: dict[str, Any]) -> Finding | None:
    """Whether the loss of the training set is no less than that of one answer for all, as often as each class is there.

    Only where that loss is what was minimised: what minimises another need not be below.
    """
    o, task = trainer.options, trainer.task
    if o.loss != task.minimised or o.balance != "none" or not any(s.get("history") for s in trainer.record):
        return None
    guess = task.guess(trainer.data)
    if guess is None or train["loss"] < guess:
        return None
    return finding(
        f"train loss {train['loss']:.2f}, a guess that is the same for all has {guess:.2f}: nothing was learnt",
        "training diverged, or had too few steps; the score says nothing about the strategy",
        "a third of --learning-rate, or a longer budget; `python -m lab.doctor` looks for other causes",
        train_loss=train["loss"],
        guess_loss=guess,
    )
