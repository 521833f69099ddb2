"""The batches of training: each a function of (seed, phase, step), so that a run can be resumed anywhere."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from lab.inputs.data import Data, balanced_indices, train_indices
from lab.inputs.reading import ahead, beside, on_device
from lab.networks.net import Net
from lab.task import Task
from lab.training.augment import Augment

Array = np.ndarray
APART = 10**6  # number of the phase that batches for re-estimation are drawn as: no real phase has it


class Feed:
    """Training examples of `data`, in batches of `size`, as `net` takes them and `task` encodes their labels."""

    def __init__(self, net: Net, data: Data, task: Task, size: int, seed: int, augment: str, balance: str):
        self.net, self.data, self.task, self.size, self.seed = net, data, task, size, seed
        self.augment = Augment(augment, net.shape[-1], data.forbids, task.targets)
        self.images = data.train.images if net.scaling else on_device(data.train.images)
        self.steps_per_epoch = -(-len(data.train) // size)
        self._members: list[Array] = []
        if balance == "sampling":
            self._members = [np.flatnonzero(data.train.labels == c) for c in np.unique(data.train.labels)]

    def batches(self, number: int, steps: Iterable[int]) -> Iterator[tuple[Any, Any]]:
        """Yields augmented images (B, H, W, C) and targets of the steps of a phase, made beside the step before."""
        return beside(
            self.augment(self.net.sized(images), targets, self.seed, number, step)
            for step, (images, targets) in zip(steps, self._read(number, steps), strict=True)
        )

    def through(self, cut: Callable[[Array], Any], number: int, steps: Iterable[int]) -> Iterator[tuple[Any, Any]]:
        """Yields features and targets of the steps of a phase; `cut` computes them of images (B, h, w, C)."""
        for images, targets in self._read(number, steps):
            yield cut(images), targets

    def of(self, features: Array, number: int, steps: Iterable[int]) -> Iterator[tuple[Array, Array]]:
        """Yields features (B, ...) and targets of the steps of a phase, from those of all examples."""
        for step in steps:
            take = self.take(number, step)
            yield features[take], self.targets(take)

    def plain(self, batches: int) -> Iterator[Any]:
        """Yields images (B, H, W, C) without augmentation: `batches` times, or one pass if that is less."""
        count = min(batches, self.steps_per_epoch)
        takes = [train_indices(len(self.data.train), self.size, self.seed, APART, b) for b in range(count)]
        return map(self.net.sized, ahead(self.images, takes))

    def take(self, number: int, step: int) -> Array:
        """Which training examples a step of a phase sees, (B,)."""
        if self._members:
            return balanced_indices(self._members, self.size, self.seed, number, step)
        return train_indices(len(self.data.train), self.size, self.seed, number, step)

    def targets(self, take: Array) -> Array:
        return self.task.encode(self.data.train.labels[take])

    def _read(self, number: int, steps: Iterable[int]) -> Iterator[tuple[Array, Array]]:
        """Yields the images (B, h, w, C) as they are stored and the targets of the steps of a phase."""
        takes = [self.take(number, step) for step in steps]
        read = ahead(self.images, takes), ahead(self.data.train.labels, takes)
        for images, labels in zip(*read, strict=True):
            yield images, self.task.encode(labels)
