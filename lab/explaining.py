"""What a finished network looks at, and how its features lie: kept by a run with `--explain`, drawn by the report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.data import Data, evenly
from lab.errors import BadInput
from lab.kept import Kept
from lab.scaling import pictures

Array = np.ndarray
SHOWN = 8  # test images of a kind
EMBEDDED = 2000  # test examples at most
WHERE = 2  # places that features must have, a side, to look at one more than at another


@dataclass(frozen=True)
class Explained(Kept):
    """Of M test images those that the network was surest of, the right ones first and then the wrong.

    Attributes:
        images: (M, h, w, C) uint8, to look at; one of each predicted class.
        heat: (M, H, W) from 0 to 1, where Grad-CAM looked for the predicted class; of no places, (M, 0, 0), where the
            features have none or the head no gradient.
        truth, predicted: (M,) classes. confidence: (M,).
        places: (n, 2) where t-SNE put the features of n test examples; of_places: (n,) their classes.
        classes: names (K,).
    """

    images: Array
    heat: Array
    truth: Array
    predicted: Array
    confidence: Array
    places: Array
    of_places: Array
    classes: Array


def explained(trainer: Any, labels: Array, probabilities: Array) -> Explained:
    """Of the test split, with its labels (N,) and what the network said of it (N, K)."""
    data: Data = trainer.data
    predicted, sure = probabilities.argmax(1), probabilities.max(1)
    chosen = np.concatenate([surest(sure, predicted, of) for of in (predicted == labels, predicted != labels)])
    images, every = np.asarray(data.test.images[chosen]), evenly(len(data.test), EMBEDDED)
    part = data.test.take(every)
    return Explained(
        images=pictures(data)(images), heat=heat(trainer.net, images, predicted[chosen]), truth=labels[chosen],
        predicted=predicted[chosen], confidence=sure[chosen].astype("float32"),
        places=embedded(features_of(trainer, part), trainer.options.seed), of_places=labels[every],
        classes=np.array(data.classes, "U"),
    )  # fmt: skip


def surest(confidence: Array, predicted: Array, among: Array) -> Array:
    """Examples among those that are marked: the surest of each predicted class, the surest of them first."""
    order = np.argsort(-np.where(among, confidence, -1.0), kind="stable")[: among.sum()]
    first = np.sort(np.unique(predicted[order], return_index=True)[1])
    return order[first][:SHOWN]


def features_of(trainer: Any, part: Any) -> Array:
    """Features (n, D) of examples, or what a source's own classifier says of them, which has none."""
    from lab.features import computed
    from lab.net import to_numpy

    net = trainer.net
    if net.features is None:
        return computed(part, trainer.options.batch_size, lambda x: to_numpy(net.model.predict_on_batch(net.sized(x))))
    return computed(part, trainer.options.batch_size, trainer.cut).reshape(len(part), -1)


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

    The mean gradient of the class's logit weighs each channel of the last features; what speaks for the class is kept.
    Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391
    """
    import keras

    from lab.net import to_numpy

    if net.maps is None or net.probe is not None or min(net.maps.output_shape[1:3]) < WHERE:
        return np.zeros((len(images), 0, 0), "float32")
    maps = to_numpy(net.maps.predict_on_batch(net.sized(images))).astype("float32")
    inputs = keras.Input(maps.shape[1:])
    slope = gradient(keras.Model(inputs, net.top(net.head.prefix(inputs))))(maps, chosen)
    found = np.maximum((slope.mean((1, 2), keepdims=True) * maps).sum(-1), 0)
    return (found / np.maximum(found.max((1, 2), keepdims=True), 1e-12)).astype("float32")


def gradient(model: Any) -> Callable[[Array, Array], Array]:
    """A function of inputs (M, ...) and classes (M,): the gradient of each one's logit with respect to its input.

    Keras has none of its own, so it is the backend's.

    Raises:
        BadInput: the backend is another than TensorFlow or JAX.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def of(inputs: Array, chosen: Array) -> Array:
            x = tf.constant(inputs)
            with tf.GradientTape() as tape:
                tape.watch(x)
                logits = tf.gather(model(x, training=False), chosen, batch_dims=1)
            return tape.gradient(logits, x).numpy()

        return of
    if keras.backend.backend() != "jax":
        raise BadInput(f"--explain takes TensorFlow or JAX; received KERAS_BACKEND={keras.backend.backend()}")
    import jax

    learnt, fixed = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))

    def logit(x: Any, chosen: Any) -> Any:
        logits, _ = model.stateless_call(learnt, fixed, x, training=False)
        return jax.numpy.take_along_axis(logits, chosen[:, None], axis=1).sum()

    return lambda inputs, chosen: np.asarray(jax.grad(logit)(jax.numpy.asarray(inputs), chosen))
