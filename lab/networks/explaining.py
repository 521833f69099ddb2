"""What a finished network looks at, and how its features lie: kept by a run with `--explain`, drawn by the report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.galleries import labels
from lab.galleries.labels import Surest
from lab.inputs.data import evenly

Array = np.ndarray
EMBEDDED = 2000  # test examples at most
PLACES = 4  # that features must have, a side, to say where a network looks


@dataclass(frozen=True)
class Explained(Surest):
    """The test images that a network was surest of, and what of them it looked at.

    Attributes:
        heat: (M, H, W) from 0 to 1, where Grad-CAM looked for the predicted class; of no places, (M, 0, 0), where no
            features have `PLACES` or the head no gradient.
        places: (n, 2) where t-SNE put the features of n test examples; of_places: (n,) their classes.
    """

    heat: Array
    places: Array
    of_places: Array


def explained(trainer: Any, probabilities: Array) -> Explained:
    """Of the test split, of which the network said probabilities (N, K)."""
    test = trainer.data.test
    said = probabilities.argmax(axis=1), probabilities.max(axis=1)
    found, every = labels.chosen(trainer.data, *said), evenly(len(test), EMBEDDED)
    read = np.asarray(test.images[labels.order(test.labels, *said)])
    return Explained(
        **vars(found), heat=heat(trainer.net, read, found.predicted),
        places=embedded(features_of(trainer, test.take(every)), trainer.options.seed), of_places=test.labels[every],
    )  # fmt: skip


def features_of(trainer: Any, part: Any) -> Array:
    """Features (n, D) of examples, or what a source's own classifier says of them, which has none."""
    from lab.networks.features import computed
    from lab.networks.net import to_numpy

    net = trainer.net
    if net.features is None:
        return computed(part, trainer.options.at_once, lambda x: to_numpy(net.model.predict_on_batch(net.sized(x))))
    return computed(part, trainer.options.at_once, trainer.cut).reshape(len(part), -1)


def embedded(features: Array, seed: int) -> Array:
    """Features (n, D) in the plane (n, 2): t-SNE of their first principal components.

    van der Maaten and Hinton 2008, https://jmlr.org/papers/v9/vandermaaten08a.html
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    most = min(50, *features.shape)
    reduced = PCA(most, random_state=seed).fit_transform(features) if features.shape[1] > most else features
    near = min(30.0, max(2.0, (len(features) - 1) / 3))
    return TSNE(perplexity=near, init="pca", random_state=seed).fit_transform(reduced).astype("float32")


def heat(net: Any, images: Array, chosen: Array) -> Array:
    """Grad-CAM of the chosen classes (M,) on images (M, h, w, C) as read: (M, H, W) from 0 to 1.

    The mean gradient of the class's logit weighs each channel of the features; what speaks for the class is kept.
    Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391. The features are the last ones that have `PLACES` a side:
    of a small image that may be an earlier layer's, and coarse ones say little.
    """
    if net.probe is not None or (place := last_place(net.body)) is None:
        return np.zeros((len(images), 0, 0), "float32")
    maps, slope = gradient(net.model, place)(net.sized(images), chosen)
    found = np.maximum((slope.mean((1, 2), keepdims=True) * maps).sum(-1), 0)
    most = found.max((1, 2), keepdims=True)
    return found / np.where(most > 0, most, 1)


def last_place(body: Any) -> Any | None:
    """The deepest operation of a keras.Model with features (N, H, W, F) of enough places; None where there is none.

    Of those with as few places, one that all paths go through, else one that joins some, comes before a branch.
    Padding adds no feature.
    """
    import keras

    from lab.networks.pyramid import cut_points

    unlearnt = keras.layers.Normalization  # the image, normalised
    learns, found, through = False, [], set(cut_points(body))
    for i, operation in enumerate(body.operations):
        shape = tuple(getattr(operation.output, "shape", ()))
        learns = learns or bool(getattr(operation, "weights", ()) and not isinstance(operation, unlearnt))
        padded = isinstance(operation, keras.layers.ZeroPadding2D)
        if learns and not padded and len(shape) == 4 and min(shape[1:3]) >= PLACES:
            order = 2 if i in through else int(isinstance(operation.input, list))
            found.append((-shape[1] * shape[2], order, i))
    return body.operations[max(found)[-1]] if found else None


def gradient(model: Any, place: Any) -> Callable[[Any, Array], tuple[Array, Array]]:
    """A function of inputs (M, ...) and classes (M,): what an operation of the model gives (M, ...), and the gradient
    of each one's logit with respect to it, in 32 bits.

    Keras has no gradient of its own, so it is the backend's.

    Raises:
        BadInput: the backend is another than TensorFlow or JAX.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def of(inputs: Any, chosen: Array) -> tuple[Array, Array]:
            nudge = tf.zeros((len(chosen), *place.output.shape[1:]), place.output.dtype)
            with tf.GradientTape() as tape, nudged(place, nudge) as seen:
                tape.watch(nudge)
                logits = tf.gather(model(inputs, training=False), chosen, batch_dims=1)
            return seen[0].numpy().astype("float32"), tape.gradient(logits, nudge).numpy().astype("float32")

        return of
    if keras.backend.backend() != "jax":
        raise BadInput(f"--explain takes TensorFlow or JAX; received KERAS_BACKEND={keras.backend.backend()}")
    import jax

    learnt, fixed = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))

    def logit(nudge: Any, inputs: Any, chosen: Any) -> Any:
        with nudged(place, nudge) as seen:
            logits, _ = model.stateless_call(learnt, fixed, inputs, training=False)
        return jax.numpy.take_along_axis(logits, chosen[:, None], axis=1).sum(), seen[0]

    def under_jax(inputs: Any, chosen: Array) -> tuple[Array, Array]:
        nudge = jax.numpy.zeros((len(chosen), *place.output.shape[1:]), place.output.dtype)
        slope, maps = jax.grad(logit, has_aux=True)(nudge, jax.numpy.asarray(inputs), chosen)
        return np.asarray(maps, "float32"), np.asarray(slope, "float32")

    return under_jax


@contextmanager
def nudged(operation: Any, by: Any) -> Iterator[list[Any]]:
    """Meanwhile what the operation gives is kept, and goes on with a tensor added: Keras has no hooks to read it."""
    call, seen = operation.call, []

    def other(*args: Any, **kwargs: Any) -> Any:
        seen.append(call(*args, **kwargs))
        return seen[-1] + by

    vars(operation)["call"] = other
    try:
        yield seen
    finally:
        del vars(operation)["call"]
