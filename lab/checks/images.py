"""Images that do not use the range 0 to 255, or that are rescaled twice on their way to the first convolution."""

from typing import Any

import numpy as np

from lab.checks import Finding, finding

BATCH = 32
DIM = 26  # a tenth of the range
FLAT = 0.02  # deviation of what the first convolution gets; after one rescaling it is 0.1 and more
WILD = 1000.0


def check(trainer: Any) -> Finding | None:
    images = trainer.data.train.images[np.arange(min(BATCH, len(trainer.data.train)))]
    scaled = trainer.net.scaling.array(images) if trainer.net.scaling else images
    low, high = int(scaled.min()), int(scaled.max())
    if high < DIM or low == high:
        return finding(
            f"the training images use the values {low} to {high} of 0 to 255",
            "the network expects the whole range, so that it sees them all but black",
            "give 8 bits a channel, or numbers from 0 to 1 in an .npz, not normalised",
        )
    deviation = float(np.std(entering(trainer.net, images)))
    if deviation < FLAT * float(np.std(scaled)) / 60 or deviation > WILD:  # 60: that of an ordinary photograph
        return finding(
            f"what enters the first convolution of {trainer.net.backbone} has a deviation of {deviation:.2g}",
            "rescaled twice, or not at all, images are not what the weights were trained on",
            "let either preprocess() or the model itself rescale, not both",
            deviation=deviation,
        )
    return None


def entering(net: Any, images: np.ndarray) -> np.ndarray:
    """What images (B, h, w, C) have become when they reach the backbone's first weights."""
    import keras

    from lab.networks.net import to_numpy

    first = next(layer for layer in net.body.layers if layer.weights and not _rescales(layer))
    inputs = keras.Model(net.body.inputs, first.input)
    ready = keras.Model(net.model.inputs, net.ready)
    return to_numpy(inputs.predict_on_batch(ready.predict_on_batch(net.sized(images))))


def _rescales(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.Normalization | keras.layers.Rescaling)
