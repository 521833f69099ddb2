"""Knowledge distillation: what a finished run says of each training image is a second target.

Hinton et al. 2015, https://arxiv.org/abs/1503.02531. The teacher sees the very images that the student is given,
augmented (Beyer et al. 2022, https://arxiv.org/abs/2106.05237).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from lab.errors import BadInput
from lab.inputs.data import IGNORED
from lab.networks.net import Net, to_numpy


@dataclass(frozen=True)
class Distillation:
    """A teacher's network, how soft its word is made, and how much it counts beside the label: 0 to 1."""

    teacher: Net
    temperature: float
    weight: float

    def check(self, student: Net) -> "Distillation":
        """Refuses a student that is given other inputs than the teacher, or has other classes.

        Raises:
            BadInput: says which of them differ.
        """
        mine, theirs = (f"{n.outputs} classes and {_inputs(n)}" for n in (self.teacher, student))
        if mine != theirs:
            raise BadInput(
                f"the teacher has {mine}, the student {theirs}; distill from a run of the same data and --bands"
            )
        return self

    def batches(self, made: Callable) -> Callable[[int, Iterable[int]], Iterator[tuple[Any, Any]]]:
        """The batches of `made(number, steps)`, the teacher's logits behind their targets in the last axis."""

        def extended(number: int, steps: Iterable[int]) -> Iterator[tuple[Any, Any]]:
            for x, y in made(number, steps):
                logits = self.teacher.model.predict_on_batch(self._sized(x))
                yield x, np.concatenate([to_numpy(y).astype("float32"), to_numpy(logits)], axis=-1)

        return extended

    def loss(self, hard: Any) -> Callable[[Any, Any], Any]:
        """The loss on the labels, and the divergence from the teacher at the temperature, weighed."""

        def both(targets: Any, logits: Any) -> Any:
            labels, told = self._parted(targets)
            p = ops.softmax(told / self.temperature)
            gap = ops.log_softmax(told / self.temperature) - ops.log_softmax(logits / self.temperature)
            divergence = ops.sum(p * gap, axis=-1)
            counts = ops.cast(labels[..., 0] != IGNORED, divergence.dtype)
            soft = self.temperature**2 * ops.sum(divergence * counts) / ops.maximum(ops.sum(counts), 1.0)
            return (1 - self.weight) * hard(labels, logits) + self.weight * soft

        return both

    def metrics(self, made: list[Any]) -> list[Any]:
        """Metrics of the labels alone."""
        for metric in made:
            metric.update_state = self._on_labels(metric.update_state)
        return made

    def _on_labels(self, update: Callable) -> Callable:
        return lambda targets, logits, sample_weight=None: update(self._parted(targets)[0], logits, sample_weight)

    def _parted(self, targets: Any) -> tuple[Any, Any]:
        """(labels as the task encodes them, the teacher's logits)."""
        labels, told = targets[..., : -self.teacher.outputs], targets[..., -self.teacher.outputs :]
        return (ops.cast(labels, "int32") if labels.shape[-1] == 1 else labels), told

    def _sized(self, images: Any) -> Any:
        size = self.teacher.shape[:2]
        return images if images.shape[1:3] == size else ops.image.resize(images, size, antialias=True)


def _inputs(net: Net) -> str:
    return f"the bands {', '.join(b.name for b in net.bands)}" if net.scaling else f"{net.shape[2]} channels"
