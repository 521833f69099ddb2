"""Labels that have nothing to do with their images: shuffled, or of another order than the files."""

from typing import Any

import numpy as np

from lab.checks import Finding, finding

SAMPLE = 600  # images of each split
NEIGHBOURS = 5
ENOUGH = 2 * NEIGHBOURS  # examples of a class in the sample, on average: of fewer, most neighbours have other labels
SHUFFLES = 200  # of the labels, for what chance gives
SMALL = 12  # pixels, height and width of images that are compared without a pretrained network


def check(trainer: Any) -> Finding | None:
    """Nearest neighbours within training, and from training to each other split, against shuffled labels.

    Ojala and Garriga 2010, permutation tests for studying classifier performance,
    https://jmlr.org/papers/v11/ojala10a.html. Not for masks, and not where a class has few examples.
    """
    if not trainer.data.train.has_classes:
        return None
    images, labels = sample(trainer.data.train)
    if len(labels) < max(20, ENOUGH * len(np.unique(labels))):
        return None
    known = features(trainer, images)
    tests = {"train": (votes(known, labels), labels)}
    for name in ("val", "test"):
        x, y = sample(getattr(trainer.data, name))
        tests[name] = votes(known, labels, features(trainer, x)), y
    for name, (guessed, truth) in tests.items():
        right, chance = float((guessed == truth).mean()), by_chance(guessed, truth)
        if right > np.quantile(chance, 0.99):
            continue
        figures = {"right": right, "chance": float(chance.mean())}
        if name == "train":
            return finding(
                f"images that look alike have the same label no more often ({right:.0%}) than by chance "
                f"({chance.mean():.0%})",
                "labels that do not go with the images cannot be learnt",
                "look at `python -m lab.data show`",
                **figures,
            )
        return finding(
            f"the {name} labels go with images like those of train no more often ({right:.0%}) than by chance "
            f"({chance.mean():.0%}), the training labels do",
            f"a score on {name} would say nothing",
            f"compare the order of the {name} files and labels",
            **figures,
        )
    return None


def sample(split: Any) -> tuple[np.ndarray, np.ndarray]:
    """Up to `SAMPLE` images (N, H, W, C) and labels (N,) of a split: the first of a fixed shuffle."""
    chosen = np.random.default_rng(0).permutation(len(split))[:SAMPLE]
    return np.asarray(split.images[chosen]), split.labels[chosen]


def features(trainer: Any, images: np.ndarray) -> np.ndarray:
    """Features (N, F) of unit length: the pretrained network's, or else the images' own at 12 px, evenly bright."""
    net, parts = trainer.net, []
    for start in range(0, len(images), 64):
        batch = images[start : start + 64]
        if net.is_carried and net.features is not None:
            full = np.concatenate([batch, np.repeat(batch[:1], 64 - len(batch), axis=0)])  # one shape, one trace
            parts.append(trainer.cut(full)[: len(batch)].reshape(len(batch), -1))
        else:
            small = _small(batch).reshape(len(batch), -1)
            parts.append(small - small.mean(axis=1, keepdims=True))
    found = np.concatenate(parts).astype("float64")
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def votes(known: np.ndarray, labels: np.ndarray, asked: np.ndarray | None = None) -> np.ndarray:
    """The label (N,) of most of the nearest neighbours; where none are asked, of `known` themselves, each left out.

    Of a few hundred features of unit length: scikit-learn's would take seconds to be imported.
    """
    alike = (known if asked is None else asked) @ known.T
    if asked is None:
        np.fill_diagonal(alike, -np.inf)
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(known) - 1)]
    return np.array([np.bincount(row).argmax() for row in labels[nearest]])


def by_chance(guessed: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How often (SHUFFLES,) guesses would be right of labels in another order."""
    rng = np.random.default_rng(0)
    return np.array([(guessed == rng.permutation(truth)).mean() for _ in range(SHUFFLES)])


def _small(images: np.ndarray) -> np.ndarray:
    import keras

    from lab.networks.net import to_numpy

    x = keras.ops.cast(images, "float32")
    return to_numpy(keras.ops.image.resize(x, (SMALL, SMALL), interpolation="bilinear", antialias=True))
