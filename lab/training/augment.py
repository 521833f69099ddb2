"""Augmentation policies by name, on images and targets together; functions of (seed, phase, step).

They run on the device, on float batches with values 0 to 255, between the batch and the model and
outside the compiled step (bilinear only: TensorFlow's XLA has no other). Keras' own layers do the
work, on any number of bands.
"""

POLICIES = {
    "none": "nothing",
    "light": "shifts up to 8 %, turns up to 10 degrees, zooms up to 10 %, brightness and contrast up to 20 %",
    "strong": "twice that, and a flip where the labels allow it, and an erased patch",
    "randaugment": "two random operations of Keras' RandAugment; Cubuk et al. 2020, https://arxiv.org/abs/1909.13719",
    "mixup": "convex mixtures of two examples; Zhang et al. 2018, https://arxiv.org/abs/1710.09412",
    "cutmix": "patches of one example in another; Yun et al. 2019, https://arxiv.org/abs/1905.04899",
}


class Augment:
    """Policies of a run, ready to be called on batches.

    Calling it with the same (seed, phase, step) gives the same batch again.
    """

    def __init__(self, policies: str, bands: int, forbids: frozenset[str] = frozenset(), targets: str = "labels"):
        """`policies` as in `light+mixup`; `forbids` as a data set declares it.

        `targets` is what Keras' layers call them: `labels` (N, K), or `segmentation_masks` (N, H, W, 1).
        """
        self.targets = targets
        self.layers = [layer for word in policies.split("+") for layer in _layers(word, bands, forbids)]
        self._generators = [_generators(layer) for layer in self.layers]
        self._change = _as_a_graph(self._changed) if self.layers else self._changed

    def __call__(self, images, targets, seed: int, phase: int, step: int):
        """images (N, H, W, C) float 0-255 and targets to the same, changed together."""
        import numpy as np

        for i, generators in enumerate(self._generators):
            for j, generator in enumerate(generators):
                generator.state.assign(np.random.SeedSequence([seed, phase, step, i, j]).generate_state(2))
        return self._change(images, targets)

    def _changed(self, images, targets):
        batch = {"images": images, self.targets: targets}
        for layer in self.layers:
            batch = layer(batch, training=True)
        return batch["images"], batch[self.targets]


def _as_a_graph(function):
    """The same function, traced under TensorFlow: Python takes longer to call the layers than a small batch takes.

    Under JAX it is left alone: on a CPU XLA made it slower.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function)


def _layers(word: str, bands: int, forbids: frozenset[str]) -> list:
    from keras import layers

    if word == "none":
        return []
    if word == "randaugment":
        layer = layers.RandAugment(value_range=(0, 255), num_ops=2, factor=0.3)
        if bands != 3:  # this one of its operations turns RGB into grey
            layer._AUGMENT_LAYERS = [n for n in layer._AUGMENT_LAYERS if n != "random_color_degeneration"]
        return [layer]
    if word == "mixup":
        return [layers.MixUp(alpha=0.2)]
    if word == "cutmix":
        return [layers.CutMix(factor=0.5)]
    by = {"light": 1.0, "strong": 2.0}[word]
    fill = {"fill_mode": "reflect", "interpolation": "bilinear"}
    wanted = [
        layers.RandomTranslation(0.08 * by, 0.08 * by, **fill),
        layers.RandomRotation(by * 10 / 360, **fill),
        layers.RandomZoom(0.1 * by, **fill),
        layers.RandomBrightness(0.2 * by, value_range=(0, 255)),
        layers.RandomContrast(min(0.2 * by, 0.9), value_range=(0, 255)),
    ]
    if word == "strong":
        flips = [f for f in ("horizontal", "vertical") if f"{f}_flip" not in forbids]
        wanted += [layers.RandomFlip("horizontal")] if "horizontal" in flips else []
        wanted += [layers.RandomErasing(factor=0.5, scale=(0.02, 0.15), value_range=(0, 255))]
    return wanted


def _generators(layer) -> list:
    return [inner.generator for inner in layer._flatten_layers() if hasattr(inner, "generator")]
