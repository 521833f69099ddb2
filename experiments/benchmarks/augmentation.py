"""What does it cost to augment an image, beside Keras' own layers for the same?

In CPU milliseconds an image of a batch of 64 at 96 px, in turn, compiled or traced before the clock runs. Keras'
RandAugment computes each of its operations and keeps two, drawn once a batch; its shifts, turns and zooms resample the
image once each.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from benchmarks import AT_MOST, Row, row

SIZE, BATCH, STEPS, TIMES = 96, 64, 10, 5


def measure() -> list[Row]:
    import keras

    from lab.training.augment import Augment

    images = keras.ops.convert_to_tensor(np.random.default_rng(0).uniform(0, 255, (BATCH, SIZE, SIZE, 3)), "float32")
    labels = np.eye(10, dtype="float32")[np.arange(BATCH) % 10]
    rows = []
    for policy, layers in (("light", light(keras)), ("randaugment", [keras.layers.RandAugment((0, 255), 2, 0.3)])):
        augment = Augment(policy, 3)
        seen: dict[str, list[float]] = {"ours": [], "theirs": []}
        work = {"ours": _ours(augment, images, labels), "theirs": _theirs(layers, images)}
        for _ in range(TIMES + 1):
            for name, some in seen.items():
                some.append(cost(work[name]))
        ours, theirs = (median(some[1:]) for some in seen.values())
        rows.append(
            row(f"{policy}, an image of {SIZE} px, CPU time", "ms", ours, "Keras' layers", theirs, (AT_MOST, 0.3))
        )
    return rows


def _ours(augment: Any, images: Any, labels: Any) -> Callable[[int], Any]:
    return lambda step: augment(images, labels, 0, 0, step)[0]


def _theirs(layers: list[Any], images: Any) -> Callable[[int], Any]:
    import tensorflow as tf

    @tf.function
    def changed(batch: Any) -> Any:
        for layer in layers:
            batch = layer(batch, training=True)
        return batch

    return lambda step: changed(images)


def light(keras: Any) -> list[Any]:
    """Keras' layers that do what `light` does."""
    fill = {"fill_mode": "reflect", "interpolation": "bilinear"}
    return [
        keras.layers.RandomTranslation(0.08, 0.08, **fill), keras.layers.RandomRotation(10 / 360, **fill),
        keras.layers.RandomZoom(0.1, **fill), keras.layers.RandomBrightness(0.2, value_range=(0, 255)),
        keras.layers.RandomContrast(0.2, value_range=(0, 255)),
    ]  # fmt: skip


def cost(work: Callable[[int], Any]) -> float:
    """CPU milliseconds an image."""
    import keras

    began = time.process_time()
    for step in range(STEPS):
        keras.ops.convert_to_numpy(work(step))
    return (time.process_time() - began) / STEPS / BATCH * 1000
