"""A run that ends worse than a guess: it diverged, or learnt nothing, and its row says nothing about its strategy."""

from typing import Any

import numpy as np

from lab.checks import Finding, finding
from lab.training.learner import Learner


def after(trainer: Learner, train: dict[str, Any]) -> Finding | None:
    """Whether the cross-entropy of the training set is no less than that of naming classes as often as they occur.

    Only where the plain cross-entropy is what was minimised: what minimises another loss need not be below.
    """
    o = trainer.options
    if o.loss != "cross_entropy" or o.balance != "none" or not any(s.get("history") for s in trainer.record):
        return None
    classes = trainer.data.classes
    guess = entropy(trainer.task.frequencies(trainer.data.train, classes))
    if train["loss"] < guess:
        return None
    return finding(
        f"train loss {train['loss']:.2f}, a guess by the classes' frequencies has {guess:.2f}: nothing was learnt",
        "training diverged, or had too few steps; the score says nothing about the strategy",
        "a third of --learning-rate, or a longer budget; `python -m lab.doctor` looks for other causes",
        train_loss=train["loss"],
        guess_loss=guess,
    )


def entropy(counts: np.ndarray) -> float:
    """Nats of the distribution that counts (K,) have."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
