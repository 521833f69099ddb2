"""Scores of transferability against direct formulas, tables counted by hand, and limits that they must keep."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from lab.probes.transferability import h_score, leep, logme, nce, probe

pytestmark = pytest.mark.numerics  # see pyproject.toml


def blobs(count=120, dimensions=8, classes=3, spread=1.0, seed=0):
    """Features (N, D) around a mean for each class, which are `spread` apart, and labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return spread * rng.normal(size=(classes, dimensions))[labels] + rng.normal(size=(count, dimensions)), labels


def maximum_evidence(features, target):
    """The same as LogME of one class, by the density of the target and a search over both precisions."""
    count = len(target)

    def minus(precisions):
        weights, noise = np.exp(precisions)
        return -multivariate_normal.logpdf(target, cov=np.eye(count) / noise + features @ features.T / weights) / count

    starts = [(a, b) for a in (-2, 6) for b in (0, 4)]
    options = {"xatol": 1e-5, "fatol": 1e-9, "maxiter": 2000}
    bounds = [(-20, 20), (-20, 14)]
    return max(-minimize(minus, s, method="Nelder-Mead", bounds=bounds, options=options).fun for s in starts)


@pytest.mark.parametrize("spread", [0.0, 0.3, 3.0])
@pytest.mark.parametrize(("count", "dimensions"), [(30, 5), (24, 24), (16, 40)])
def test_logme_is_the_maximum_of_the_evidence(count, dimensions, spread):
    features, labels = blobs(count, dimensions, 2, spread)
    expected = np.mean([maximum_evidence(features, (labels == c).astype(float)) for c in range(2)])
    assert logme(features, labels) == pytest.approx(expected, abs=1e-4)


def test_logme_leaves_out_classes_without_examples_and_needs_no_scale():
    features, labels = blobs()
    assert logme(features, labels) == pytest.approx(logme(features, labels * 10), abs=1e-12)
    assert logme(features, labels) == pytest.approx(logme(1000 * features, labels), abs=1e-9)
    assert logme(features.astype("float32"), labels) == pytest.approx(logme(features, labels), abs=1e-6)


def test_logme_of_dead_and_repeated_features_is_that_of_the_others():
    features, labels = blobs()
    assert logme(np.hstack([features, 0 * features]), labels) == pytest.approx(logme(features, labels), abs=1e-9)
    assert logme(np.hstack([features, features]), labels) == pytest.approx(logme(features, labels), abs=1e-9)
    nothing = np.mean([-0.5 * (np.log(2 * np.pi * (labels == c).mean()) + 1) for c in range(3)])
    assert logme(0 * features, labels) == pytest.approx(nothing, abs=1e-9)


def test_leep_of_a_table_counted_by_hand():
    theta = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]])
    labels = np.array([0, 0, 1, 1])
    first, second = np.array([1.4, 0.6]) / 2.0, np.array([0.6, 1.4]) / 2.0  # p(y | z) of z = 0 and 1
    expected = np.mean([np.log(a * first[y] + b * second[y]) for (a, b), y in zip(theta, labels, strict=True)])
    assert leep(theta, labels) == pytest.approx(expected, abs=1e-12)


def test_nce_of_a_table_counted_by_hand():
    source, labels = np.array([7, 7, 7, 7, 2, 2]), np.array([0, 0, 0, 1, 1, 1])
    entropy = -(4 / 6) * (0.75 * np.log(0.75) + 0.25 * np.log(0.25))  # where the source says 2 the label is sure
    assert nce(source, labels) == pytest.approx(-entropy, abs=1e-12)


def test_leep_and_nce_keep_their_limits():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    chance = -sum(p * -np.log(p) for p in np.bincount(labels) / 200)
    same = np.full((200, 5), 0.2)
    assert leep(same, labels) == pytest.approx(chance, abs=1e-12)
    assert nce(np.zeros(200, int), labels) == pytest.approx(chance, abs=1e-12)
    assert leep(np.eye(4)[labels], labels) == nce(3 - labels, labels) == 0
    for seed in range(5):
        theta = np.random.default_rng(seed).dirichlet(np.full(6, 0.3), 200)
        source = theta.argmax(axis=1)
        assert chance <= leep(theta, labels) <= 0 and chance <= nce(source, labels) <= 0
        # Nguyen et al. 2020, property 1
        assert leep(theta, labels) >= nce(source, labels) + np.log(theta.max(axis=1)).mean()
        assert leep(np.eye(6)[source], labels) == pytest.approx(nce(source, labels), abs=1e-12)


def test_a_source_class_that_is_never_given_counts_for_nothing():
    theta = np.array([[0.9, 0.0, 0.1], [0.2, 0.0, 0.8]])
    labels = np.array([0, 1])
    assert leep(theta, labels) == pytest.approx(leep(theta[:, [0, 2]], labels), abs=1e-12)


def test_h_score_keeps_its_limits():
    features, labels = blobs(300, 6, 4, spread=100.0)
    assert 2.5 < h_score(features, labels) < 3  # far apart: the classes less one
    features[:] = 1.5
    assert h_score(features, labels) == pytest.approx(0, abs=1e-12)
    means, labels = blobs(300, 6, 4, spread=100.0)
    means -= np.array([means[labels == c].mean(axis=0) for c in range(4)])[labels]
    assert h_score(means, labels) == pytest.approx(0, abs=1e-9)


def test_h_score_is_baos_where_there_are_many_examples_and_shrunk_where_there_are_few():
    def plain(features, labels):
        centred = features - features.mean(axis=0)
        means = np.array([centred[labels == c].mean(axis=0) for c in range(3)])[labels]
        return np.trace(np.linalg.pinv(centred.T @ centred) @ means.T @ means)

    many, few, noise = blobs(20_000, 5), blobs(30, 60), blobs(30, 60, spread=0.0)
    assert h_score(*many) == pytest.approx(plain(*many), rel=0.01)
    assert plain(*noise) == pytest.approx(2)  # the inverse of 60 dimensions by 30 examples finds what is not there
    assert h_score(*noise) < 0.5 < 1.5 < h_score(*few) < 2


def test_the_probe_is_sure_of_what_is_apart_and_guesses_what_is_not():
    far, labels = blobs(spread=10.0)
    assert probe(far, labels, 0) == 1
    assert probe(1e4 * far + 1e5, labels, 0) == 1
    noise, labels = blobs(600, spread=0.0)
    assert probe(noise, labels, 0) == pytest.approx(1 / 3, abs=0.08)
    assert probe(noise, labels, 1) == probe(noise, labels, 1)


def test_the_probe_takes_classes_of_few_examples_and_refuses_one_of_each():
    features, _ = blobs(13, spread=1.0)
    assert 0 <= probe(features, np.array([0] * 6 + [1] * 4 + [2] * 2 + [3]), 0) <= 1
    assert 0 <= probe(features[:4], np.array([0, 0, 1, 1]), 0) <= 1
    with pytest.raises(ValueError):
        probe(features, np.arange(13), 0)


@pytest.mark.parametrize("score", [logme, h_score, lambda f, y: probe(f, y, 0)], ids=["logme", "h_score", "probe"])
@pytest.mark.parametrize(("count", "dimensions"), [(150, 20), (60, 200)])
def test_features_that_tell_more_score_more(score, count, dimensions):
    found = [score(*blobs(count, dimensions, spread=s)) for s in (0.0, 0.3, 1.0)]
    assert found == sorted(found) and found[2] > found[0] + 0.05


@pytest.mark.parametrize("score", [leep, lambda p, y: nce(p.argmax(axis=1), y)], ids=["leep", "nce"])
def test_a_source_that_tells_more_scores_more(score):
    labels = np.arange(200) % 4
    noise = np.random.default_rng(0).dirichlet(np.ones(4), 200)
    found = [score((1 - share) * noise + share * np.eye(4)[labels], labels) for share in (0.0, 0.2, 0.8)]
    assert found == sorted(found) and found[2] > found[0] + 0.05
