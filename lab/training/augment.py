"""Augmentation policies by name, on images and targets together; functions of (seed, phase, step).

They run on the device, on float batches with values 0 to 255, between the batch and the model and outside the compiled
step. What happens to an image is drawn in NumPy, for each image: the same under every backend.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

POLICIES = {
    "none": "nothing",
    "light": "shifts up to 8 %, turns up to 10 degrees, zooms up to 10 %, brightness and contrast up to 20 %",
    "strong": "twice that, and a flip where the labels allow it, and an erased patch",
    "randaugment": "two random operations for each image, of 14; Cubuk et al. 2020, https://arxiv.org/abs/1909.13719",
    "mixup": "convex mixtures of two examples; Zhang et al. 2018, https://arxiv.org/abs/1710.09412",
    "cutmix": "patches of one example in another; Yun et al. 2019, https://arxiv.org/abs/1905.04899",
}
MASKS = "segmentation_masks"  # as Keras' layers call them
Key = Sequence[int]
Change = Callable[[Any, Any, Key], tuple[Any, Any]]


class Augment:
    """Policies of a run, ready to be called on batches.

    Calling it with the same (seed, phase, step) gives the same batch again.
    """

    def __init__(self, policies: str, bands: int, forbids: frozenset[str] = frozenset(), targets: str = "labels"):
        """`policies` as in `light+mixup`; `forbids` as a data set declares it.

        `targets` is what Keras' layers call them: `labels` (N, K), or `segmentation_masks` (N, H, W, 1).
        """
        self.changes = [_change(word, bands, forbids, targets) for word in policies.split("+") if word != "none"]

    def __call__(self, images, targets, seed: int, phase: int, step: int):
        """images (N, H, W, C) float 0-255 and targets to the same, changed together."""
        for i, change in enumerate(self.changes):
            images, targets = change(images, targets, [seed, phase, step, i])
        return images, targets


def _change(word: str, bands: int, forbids: frozenset[str], targets: str) -> Change:
    from keras import layers

    from lab.training.jitter import Jitter
    from lab.training.randaugment import RandAugment

    if word == "mixup":
        return _layer(layers.MixUp(alpha=0.2), targets)
    if word == "cutmix":
        return _layer(layers.CutMix(factor=0.5), targets)
    if word == "light":
        return _drawn(Jitter(1.0), targets)
    if word == "randaugment":
        return _drawn(RandAugment(bands), targets)
    return _drawn(Jitter(2.0, "horizontal_flip" not in forbids, erases=True), targets)


@cache
def _drawn(policy: Any, targets: str) -> Change:
    """Changes each image by what it was drawn: with `draw`, whose first is the map that masks follow, and `change`.

    Compiled once in a process, whatever asks for it.
    """
    from lab.training.warping import nearest

    def work(images: Any, labels: Any, maps: Any, *drawn: Any) -> tuple[Any, Any]:
        return policy.change(images, maps, *drawn), nearest(labels, maps) if targets == MASKS else labels

    compiled = _compiled(work)

    def change(images: Any, labels: Any, key: Key) -> tuple[Any, Any]:
        return compiled(images, labels, *policy.draw(np.random.default_rng(key), tuple(images.shape)))

    return change


def _layer(layer: Any, targets: str) -> Change:
    """A layer of Keras that draws by itself: its generator is set first."""

    def work(images: Any, labels: Any) -> tuple[Any, Any]:
        batch = layer({"images": images, targets: labels}, training=True)
        return batch["images"], batch[targets]

    traced = _traced(work)

    def change(images: Any, labels: Any, key: Key) -> tuple[Any, Any]:
        layer.generator.state.assign(np.random.SeedSequence(key).generate_state(2))
        return traced(images, labels)

    return change


def _compiled(function: Callable) -> Callable:
    """The same function, compiled by XLA, which makes one loop of what are many passes over the images else."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return _traced(function, jit_compile=True)


def _traced(function: Callable, **options: Any) -> Callable:
    """The same function, traced under TensorFlow: Python takes longer to call layers than a small batch takes."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, **options)
