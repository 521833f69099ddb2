"""What it costs to predict: time on the device, and on the CPU beside it."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from lab.environment import device
from lab.training.learner import Learner
from lab.training.phase import timed


def cost(trainer: Learner) -> dict[str, float]:
    """Milliseconds an image of a whole batch takes, warmed up, resizing included; on a GPU's machine its CPU's, too."""
    size = trainer.options.at_once
    images = trainer.data.test.images[np.arange(size) % len(trainer.data.test)]

    def milliseconds(forward: Callable[[Any], Any]) -> float:
        seconds, _ = timed(lambda: forward(images))
        return 1000 * seconds / size

    found = {"inference_ms_per_image": milliseconds(trainer.logits), "inference_batch": size}
    if device() != "cpu":
        with keras.device("cpu"):
            model = copied(trainer.net.model)
            found["inference_cpu_ms_per_image"] = milliseconds(
                lambda images: model.predict_on_batch(trainer.net.sized(images))
            )
    return found


def copied(model: keras.Model) -> keras.Model:
    """The same network and weights in variables of their own, on the device of the scope that it is called in."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy
