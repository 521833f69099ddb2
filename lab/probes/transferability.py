"""How well a source suits a task, told from a sample and without training. No Keras.

Of all scores here a higher one is better, and each compares sources on one sample only: its size, its classes and their
proportions are in the scores. Features are (N, D), labels (N,) whole numbers; a class without examples is left out.
"""

import warnings

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lab.probes import label_table

Array = np.ndarray
ITERATIONS = 1000  # of LogME's fixed point at most; a hundred are usual
SETTLED = 1e-8  # nats an example: an evidence that gains less has arrived
FOLDS = 5


def logme(features: Array, labels: Array) -> float:
    """Log of the maximum evidence, in nats an example, from minus to plus infinity.

    The evidence p(y | F) of a linear model with Gaussian weights and noise is maximised over the precisions of both,
    for each class against the rest, and averaged over classes. You et al. 2021, https://arxiv.org/abs/2102.11005; the
    fixed point of their https://arxiv.org/abs/2110.10545, run until it settles. As theirs, it has no bias term; other
    than theirs, it starts at the features' own scale, which therefore does not matter.
    """
    targets = _one_hot(labels)
    left, singular, _ = np.linalg.svd(_double(features), full_matrices=False)
    kept = singular > singular.max(initial=0) * max(features.shape) * np.finfo(float).eps
    sigma = singular[kept, None] ** 2
    explained = (left[:, kept].T @ targets) ** 2
    never = np.maximum(targets.sum(axis=0) - explained.sum(axis=0), 0)  # sum of squares that no weights explain
    count, scale = len(targets), sigma.mean() if len(sigma) else 1.0

    ratio = np.full(targets.shape[1], scale)  # precision of the weights over that of the noise
    best = np.full_like(ratio, -np.inf)
    for _ in range(ITERATIONS):
        shrunk = ratio / (sigma + ratio)
        residual = (shrunk**2 * explained).sum(axis=0) + never
        weights = (sigma * explained / (sigma + ratio) ** 2).sum(axis=0)
        noise = count / (residual + ratio * weights)
        evidence = (np.log(shrunk).sum(axis=0) + count * (np.log(noise / (2 * np.pi)) - 1)) / (2 * count)
        gained, best = np.max(evidence - best), np.maximum(evidence, best)
        if gained < SETTLED:
            break
        effective = (1 - shrunk).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):  # where no weight explains anything the ratio is infinite
            ratio = effective * residual / (weights * (count - effective))
        ratio = np.clip(np.nan_to_num(ratio, nan=np.inf), 1e-12 * scale, 1e12 * scale)
    return float(best.mean())


def h_score(features: Array, labels: Array) -> float:
    """How far the classes' mean features spread, in units of all features' spread; from 0 to the classes less one.

    tr(cov(f)^-1 cov(E[f | y])) of Bao et al. 2019 (https://arxiv.org/abs/2212.10082), whose inverse is poor or
    missing where there are few examples; so the covariance is Ledoit and Wolf's, shrunk by a share a that they
    estimate, and the other one is multiplied by 1 - a. Ibrahim et al. 2021, https://arxiv.org/abs/2110.06893
    """
    targets, features = _one_hot(labels), _double(features)
    estimate = LedoitWolf().fit(features)
    means = (targets.T @ features) / targets.sum(axis=0)[:, None] - estimate.location_
    spread = ((means @ estimate.precision_) * means).sum(axis=1)
    return float((1 - estimate.shrinkage_) * (targets.mean(axis=0) @ spread))


def leep(source_probabilities: Array, labels: Array) -> float:
    """Mean log likelihood of the labels, predicted from a source classifier's outputs by counting; at most 0.

    `source_probabilities` (N, Z) are of the source's classes; the prediction is the sum over them of p(y | z) p(z | x),
    where p(y | z) is counted on the sample. Log expected empirical prediction; Nguyen et al. 2020,
    https://arxiv.org/abs/2002.12462
    """
    targets, theta = _one_hot(labels), _double(source_probabilities)
    return float(np.log(((theta @ label_table.table(theta, targets)) * targets).sum(axis=1)).mean())


def nce(source_labels: Array, labels: Array) -> float:
    """Minus the conditional entropy H(label | source's label), in nats; from minus the log of the classes to 0.

    `source_labels` (N,) are the classes that the source's classifier names. Negative conditional entropy; Tran et al.
    2019, https://arxiv.org/abs/1908.08142
    """
    return leep(_one_hot(source_labels), labels)


def probe(features: Array, labels: Array, seed: int) -> float:
    """Accuracy of a logistic regression on the standardised features, cross-validated on the sample; from 0 to 1.

    Five folds that keep the classes' proportions, or as many as the largest class has examples. Examples that are
    nearly the same, as frames of one track, fall on both sides, so it may be too high for the test set.

    Raises:
        ValueError: no class has two examples.
    """
    folds = StratifiedKFold(min(FOLDS, int(_one_hot(labels).sum(axis=0).max())), shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():  # a class with fewer examples than folds is in some of them only, as it must be
        warnings.filterwarnings("ignore", "The least populated class in y has only", UserWarning)
        guess = cross_val_predict(model, features, labels, cv=folds)
    return float((guess == labels).mean())


def _one_hot(labels: Array) -> Array:
    """(N, classes that have examples) float64."""
    return (labels[:, None] == np.unique(labels)).astype("float64")


def _double(values: Array) -> Array:
    return np.asarray(values, "float64")
