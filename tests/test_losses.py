"""Losses against definitions written down again in NumPy, scikit-learn and finite differences; under both backends."""

import keras
import numpy as np
import pytest
from conftest import passes_under_jax
from sklearn import metrics

from lab import losses, names
from lab.errors import BadInput
from lab.inputs.data import IGNORED

pytestmark = pytest.mark.numerics  # see pyproject.toml

CLASSES = 4  # of which class 3 is never there
WEIGHTS = [0.5, 2.0, 1.0, 3.0]
NAMES = [n for n in names.listing("losses") if names.find("losses", n).of == "classes"]  # of numbers: test_tasks.py
TEXTS = [*NAMES, "focal(gamma=0.5)", "tversky(alpha=2.0,beta=0.1)"]


def masks(shape=(2, 3, 4), seed=0):
    return np.random.default_rng(seed).choice([0, 1, 2, IGNORED], (*shape, 1)).astype("int32")


def logits(shape=(2, 3, 4), seed=1, scale=2.0):
    return np.random.default_rng(seed).normal(0, scale, (*shape, CLASSES)).astype("float32")


def saturated(guess):
    """Logits that are sure of the guess."""
    return np.where(np.arange(CLASSES) == guess[..., None], 1e4, -1e4).astype("float32")


def value(text, y, z, weights=None):
    return float(losses.built(text, CLASSES, weights)(y, z))


class Offset(keras.layers.Layer):
    """Adds what is to be learnt to its input."""

    def build(self, shape):
        self.offset = self.add_weight(shape=shape[1:], initializer="zeros")

    def call(self, x):
        return x + self.offset


def offset_model(shape, **options):
    model = keras.Sequential([keras.Input(shape), Offset()])
    model.compile(**options)
    return model


def gradient(text, y, z, weights=None):
    """With respect to the logits, as training sees it: what a step of gradient descent of rate 1 takes away."""
    model = offset_model(
        z.shape[1:], optimizer=keras.optimizers.SGD(1.0), loss=losses.built(text, CLASSES, weights), run_eagerly=True
    )
    model.train_on_batch(z, y)
    return -keras.ops.convert_to_numpy(model.layers[0].offset)


# The definitions again, in float64, class by class and pixel by pixel


def reference(text, y, z, weights=None):
    loss, w = names.build("losses", text), np.ones(CLASSES) if weights is None else np.array(weights)
    y, z = y.ravel(), z.reshape(-1, CLASSES).astype("float64")
    y, z = y[y != IGNORED], z[y != IGNORED]
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    if loss.name in ("cross_entropy", "focal"):
        gamma = getattr(loss, "gamma", 0.0)
        true = p[np.arange(len(y)), y]
        return np.average(-((1 - true) ** gamma) * np.log(true), weights=w[y])
    present = sorted(set(y))
    each = [OVERLAPS[loss.name](loss, y == c, p[:, c]) for c in present]
    return np.average(each, weights=w[present])


def soft_tversky(alpha, beta, truth, p):
    hit, extra, missed = p[truth].sum(), p[~truth].sum(), (1 - p[truth]).sum()
    return 1 - hit / (hit + alpha * extra + beta * missed)


def lovasz_extension(truth, p):
    """Sum of the sorted errors, each times what its pixel adds to the Jaccard loss of the set of wrong pixels."""
    of_class = set(np.flatnonzero(truth))
    errors = np.where(truth, 1 - p, p)
    total, wrong, before = 0.0, set(), 0.0
    for i in np.argsort(-errors):
        wrong.add(i)
        now = len(wrong) / len(of_class | wrong)
        total, before = total + errors[i] * (now - before), now
    return total


OVERLAPS = {
    "dice": lambda loss, truth, p: 1 - 2 * p[truth].sum() / (truth.sum() + p.sum()),
    "jaccard": lambda loss, truth, p: 1 - p[truth].sum() / np.where(truth, 1, p).sum(),
    "tversky": lambda loss, truth, p: soft_tversky(loss.alpha, loss.beta, truth, p),
    "lovasz": lambda loss, truth, p: lovasz_extension(truth, p),
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_loss_is_what_its_definition_says(text, weights):
    y, z = masks(), logits()
    assert value(text, y, z, weights) == pytest.approx(reference(text, y, z, weights), rel=1e-5)


@pytest.mark.parametrize("text", TEXTS)
def test_a_gradient_is_the_slope_of_the_definition(text):
    shape, step = (1, 2, 3), 1e-5
    y, z = np.array([0, 1, 1, 0, 2, IGNORED]).reshape(*shape, 1), logits(shape, seed=3)
    wide, slopes = z.astype("float64"), np.zeros(z.size)
    for i in range(z.size):
        nudge = np.zeros(z.size)
        nudge[i] = step
        nudge = nudge.reshape(z.shape)
        slopes[i] = reference(text, y, wide + nudge, WEIGHTS) - reference(text, y, wide - nudge, WEIGHTS)
    found = gradient(text, y, z, WEIGHTS)
    np.testing.assert_allclose(found, slopes.reshape(z.shape[1:]) / (2 * step), rtol=1e-3, atol=1e-6)


def test_cross_entropy_is_scikit_learns_log_loss():
    y, z = masks(), logits()
    counted, p = y[..., 0] != IGNORED, np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    true = y[..., 0][counted]
    args = {"labels": range(CLASSES), "sample_weight": np.array(WEIGHTS)[true]}
    assert value("cross_entropy", y, z, WEIGHTS) == pytest.approx(metrics.log_loss(true, p[counted], **args), rel=1e-5)


def test_of_hard_predictions_overlap_losses_are_one_minus_scikit_learns_scores():
    y, guess = masks((2, 8, 8)), np.random.default_rng(5).integers(0, CLASSES, (2, 8, 8))
    z, counted = saturated(guess), y[..., 0] != IGNORED
    pair = (y[..., 0][counted], guess[counted])
    present = {"labels": [0, 1, 2], "average": "macro"}  # class 3 is only predicted
    f1, iou = metrics.f1_score(*pair, **present), metrics.jaccard_score(*pair, **present)
    assert value("dice", y, z) == pytest.approx(1 - f1, abs=1e-6)
    assert value("tversky(alpha=0.5,beta=0.5)", y, z) == pytest.approx(1 - f1, abs=1e-6)
    assert value("jaccard", y, z) == pytest.approx(1 - iou, abs=1e-6)
    assert value("lovasz", y, z) == pytest.approx(1 - iou, abs=1e-6)  # at the vertices it is the Jaccard loss
    counts = metrics.multilabel_confusion_matrix(*pair, labels=[0, 1, 2])
    each = [hit / (hit + 0.3 * extra + 0.7 * missed) for (_, extra), (missed, hit) in counts]
    assert value("tversky(alpha=0.3,beta=0.7)", y, z) == pytest.approx(1 - np.mean(each), abs=1e-6)


def test_focal_without_focus_is_cross_entropy_and_with_it_keras_own():
    y, z = masks(), logits()
    assert value("focal(gamma=0)", y, z) == pytest.approx(value("cross_entropy", y, z), rel=1e-5)
    counted = y[..., 0] != IGNORED
    targets = np.eye(CLASSES, dtype="float32")[y[..., 0][counted]]
    own = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, from_logits=True)
    assert value("focal", y, z) == pytest.approx(float(own(targets, z[counted])), rel=1e-5)


@pytest.mark.parametrize("text", NAMES)
def test_a_perfect_prediction_costs_nothing(text):
    y = masks()
    assert value(text, y, saturated(y[..., 0])) == pytest.approx(0, abs=1e-6)
    wrong = saturated((y[..., 0] + 1) % 3)
    assert value(text, y, wrong) > 0.9


@pytest.mark.parametrize("text", NAMES)
def test_ignored_pixels_change_neither_loss_nor_gradient(text):
    y, z = masks((1, 4, 4)), logits((1, 4, 4))
    ignored = y[..., 0] == IGNORED
    other = np.where(ignored[..., None], -50 * z[..., ::-1] + 7, z).astype("float32")
    assert value(text, y, other) == value(text, y, z)
    slope = gradient(text, y, z)
    np.testing.assert_array_equal(gradient(text, y, other), slope)
    assert not slope[ignored[0]].any() and slope[~ignored[0]].any(axis=-1).all()


@pytest.mark.parametrize("text", NAMES)
def test_a_batch_that_is_ignored_altogether_teaches_nothing(text):
    y, z = np.full((1, 2, 3, 1), IGNORED), logits((1, 2, 3))
    for weights in (None, WEIGHTS):
        assert value(text, y, z, weights) == 0
        np.testing.assert_array_equal(gradient(text, y, z, weights), 0)


@pytest.mark.parametrize("text", TEXTS)
def test_huge_logits_give_finite_numbers(text):
    y, z = masks((1, 4, 4)), np.sign(logits((1, 4, 4))) * 1e4
    assert np.isfinite(value(text, y, z))
    assert np.isfinite(gradient(text, y, z)).all()


@pytest.mark.parametrize("text", ["cross_entropy", "focal"])
def test_a_pixel_that_is_surely_wrong_is_still_taught(text):
    y, z = np.zeros((1, 1, 1, 1)), np.array([[[[-60.0, 60.0, 0.0, 0.0]]]], "float32")
    np.testing.assert_allclose(gradient(text, y, z)[0, 0, :2], [-1, 1], atol=1e-4)


@pytest.mark.parametrize("text", ["dice", "jaccard", "tversky", "lovasz"])
def test_an_absent_class_does_not_distort(text):
    """The loss over more classes is the same, where the new ones are neither there nor predicted."""
    y, z = masks(), logits()
    more = np.concatenate([z, np.full((*z.shape[:3], 2), -1e4)], axis=-1)
    wider = losses.built(text, CLASSES + 2)
    assert float(wider(y, more)) == pytest.approx(value(text, y, z), rel=1e-5)


def test_a_sum_is_the_sum_of_its_terms_and_has_no_order():
    y, z = masks(), logits()
    terms = ["dice", "tversky(alpha=0.3,beta=0.6)", "focal(gamma=1e+0)"]
    total = sum(value(t, y, z, WEIGHTS) for t in terms)
    assert value("+".join(terms), y, z, WEIGHTS) == pytest.approx(total, rel=1e-5)
    assert losses.canonical(" + ".join(terms)) == losses.canonical("+".join(reversed(terms)))
    assert losses.canonical("tversky(beta = 0.7) + dice") == "dice+tversky"
    assert losses.canonical(losses.canonical("focal(gamma=1e+0)+dice")) == "dice+focal(gamma=1.0)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dise", "unknown loss 'dise'; did you mean dice"),
        ("dice+focl", "did you mean focal"),
        ("dice+", "not a name: 'dice+'"),
        ("dice-focal", "not a name"),
        ("2*dice", "not a name"),
        ("", "not a name"),
        ("dice+" * 120 + "dice", "not a name"),
        ("dice+focal(gamma=-1)", "gamma must be from 0.0"),
        ("focal(2)", "name the arguments"),
    ],
)
def test_what_is_no_loss_is_refused_in_one_line(text, said):
    with pytest.raises(BadInput) as error:
        losses.built(text, CLASSES)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_classification_takes_the_same_losses_with_one_hot_targets():
    labels, z = np.array([0, 2, 1, 2, 0]), logits((5,))
    targets = np.eye(CLASSES, dtype="float32")[labels]
    own = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert value("cross_entropy", targets, z) == pytest.approx(float(own(targets, z)), rel=1e-5)
    for text in NAMES:
        assert value(text, targets, z) == pytest.approx(value(text, labels[:, None], z), rel=1e-5)


def test_half_precision_does_not_reach_the_loss():
    y, z = masks((1, 32, 32)), keras.ops.cast(logits((1, 32, 32)), "bfloat16")
    exact = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(z, "float32")))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = losses.built("dice+cross_entropy", CLASSES)(y, z)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == pytest.approx(reference("dice", y, exact) + reference("cross_entropy", y, exact), rel=1e-5)


def test_weights_of_examples_are_refused_not_swallowed():
    with pytest.raises(ValueError, match="weights of the classes"):
        losses.built("dice", CLASSES)(masks(), logits(), sample_weight=np.ones(2))


@pytest.mark.parametrize("text", ["dice+focal", "jaccard", "lovasz", "tversky"])
def test_descent_finds_the_mask(text):
    y, z = masks((1, 4, 4)), logits((1, 4, 4))
    model = offset_model(z.shape[1:], optimizer=keras.optimizers.Adam(0.5), loss=losses.built(text, CLASSES))
    values = [float(model.train_on_batch(z, y)) for _ in range(40)]
    assert values[-1] < 0.05 < values[0]
    guess, counted = model.predict_on_batch(z).argmax(-1), y[..., 0] != IGNORED
    np.testing.assert_array_equal(guess[counted], y[..., 0][counted])


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this is that other backend")
def test_jax_gives_the_same_without_tensorflow(tmp_path):
    passes_under_jax(tmp_path, "definition or ignored or huge or hard", "test_losses")
