"""Probes that are solved for, and the layers that hold them, against scikit-learn, CatBoost and brute force."""

import json

import keras
import numpy as np
import pytest
from conftest import passes_under_jax
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lab import progress
from lab.environment import hushed
from lab.errors import BadInput
from lab.exporting import formats
from lab.probes.boosted_trees import BoostedTrees
from lab.probes.gradient_descent import logreg_gd
from lab.probes.nearest_neighbours import NearestNeighbours
from lab.probes.solving import ABSENT, PENALTY, Linear, Neighbours, Trees, boosting, knn, logreg, ridge

pytestmark = pytest.mark.numerics  # see pyproject.toml


def blobs(count=60, dimension=5, classes=3, seed=0, spread=1.5):
    """Features (N, D) float32 of unlike scales, in overlapping clouds, and labels (N,), each class as often."""
    centres = np.random.default_rng(42).normal(size=(classes, dimension))
    rng, y = np.random.default_rng(seed), np.arange(count) % classes
    x = centres[y] + spread * rng.normal(size=(count, dimension))
    return (3 + x * np.linspace(0.5, 4, dimension)).astype("float32"), y


SOLVERS = {
    "logreg": lambda x, y, classes: logreg(x, y, classes, seed=1, grid=(0.01, 1.0)),
    "ridge": ridge,
    "knn": knn,
    "boosting": lambda x, y, classes: boosting(x, y, classes, x, y, seed=1, iterations=8, threads=1),
}
every_solver = pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)


def layer_of(found):
    """A built layer that holds what was found."""
    if isinstance(found, Neighbours):
        layer = NearestNeighbours(found.k, found.temperature, *found.keys.shape, found.classes)
        layer.build((None, found.keys.shape[1]))
        layer.set_weights([found.keys, found.labels])
    else:
        layer = BoostedTrees(*found.features.shape, len(found.bias))
        layer.build((None, None))
        layer.set_weights([found.features, found.borders, found.leaves, found.bias])
    return layer


def logits(found, x):
    """What a network with the probe as its top would give (N, K)."""
    if isinstance(found, Linear):
        return x @ found.kernel + found.bias
    return keras.ops.convert_to_numpy(layer_of(found)(x))


def arrays(found):
    return [value for value in vars(found).values() if isinstance(value, np.ndarray)]


@every_solver
def test_a_class_that_training_lacks_has_an_output_that_nothing_chooses(solve):
    x, y = blobs(40, classes=2)
    found = logits(solve(x, np.array([1, 3])[y], 5), blobs(200, classes=2, seed=5, spread=9)[0])
    assert found.shape == (200, 5) and np.isfinite(found).all()
    assert set(found.argmax(axis=1)) == {1, 3}


@every_solver
def test_the_same_is_found_again_and_can_be_recorded(solve):
    x, y = blobs(40, classes=2)
    one, two = solve(x, y, 2), solve(x, y, 2)
    assert [a.tobytes() for a in arrays(one)] == [a.tobytes() for a in arrays(two)]
    assert json.loads(json.dumps(one.about, allow_nan=False)) == two.about


@every_solver
def test_most_of_what_was_not_seen_is_told_apart_also_with_more_features_than_examples(solve):
    x, y = blobs(30, 50, classes=2)
    judged, truth = blobs(200, 50, classes=2, seed=5)
    assert (logits(solve(x, y, 2), judged).argmax(axis=1) == truth).mean() > 0.8


@every_solver
def test_what_no_probe_can_learn_from_is_refused_in_one_line(solve):
    x, y = blobs(20, classes=2)
    broken = x.copy()
    broken[3, 1] = np.nan
    with pytest.raises(BadInput, match="1 of 20 examples have features that are NaN"):
        solve(broken, y, 2)
    with pytest.raises(BadInput, match="examples of 1, it takes 2"):
        solve(x, np.zeros_like(y), 2)
    with pytest.raises(BadInput, match="all have the same features"):
        solve(np.ones_like(x), y, 2)


@pytest.mark.parametrize("solve", [logreg, ridge, knn])
def test_with_one_example_a_class_nothing_is_searched_and_the_record_says_so(solve):
    x, y = blobs(4, classes=4)
    found = solve(x, y, 4)
    assert found.about["tried"] == [] and "alone in its class" in found.about["by"]
    assert {"C": 1.0, "penalty": PENALTY, "k": 1}.items() & found.about.items()
    assert (logits(found, x).argmax(axis=1) == y).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_logreg_is_scikit_learns_with_the_scaling_folded_in(classes):
    x, y = blobs(classes=classes)
    grid, cut = {"logisticregression__C": [1e-4, 0.1, 10.0]}, StratifiedKFold(5, shuffle=True, random_state=7)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-6, max_iter=1000))
    search = GridSearchCV(pipeline, grid, cv=cut).fit(x.astype("float64"), y)
    found = logreg(x, y, classes, seed=7, grid=(10.0, 1e-4, 0.1))
    assert found.about["C"] == search.best_params_["logisticregression__C"]
    assert [t["accuracy"] for t in found.about["tried"]] == pytest.approx(search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(softmax(logits(found, x), axis=1), search.predict_proba(x), atol=1e-5)


def test_logreg_searches_without_classes_of_one_example_and_in_as_many_folds_as_the_rarest_other_allows():
    x, y = blobs(31, classes=2)
    found = logreg(x, np.array([*y[:-3], 3, 4, 4]), 5, grid=(0.1, 1.0))
    assert found.about["by"].startswith("2-fold")
    assert found.bias[2] == ABSENT and (found.bias[[0, 1, 3, 4]] > ABSENT / 2).all()


def test_logreg_says_when_it_was_stopped_early():
    x, y = blobs()
    assert logreg(x, y, 3, grid=(1.0,)).about["converged"]
    assert not logreg(x, y, 3, grid=(1.0,), steps=2).about["converged"]


@pytest.mark.parametrize("dimension", [5, 90])
def test_ridge_is_scikit_learns_on_standardised_features_with_a_constant_one_in_either_form(dimension):
    x, y = blobs(60, dimension)
    found = ridge(x, y, 3, penalties=(64.0,))
    scaled = np.pad((x - x.mean(0)) / (x.std(0) + 1e-5), ((0, 0), (0, 1)), constant_values=100).astype("float64")
    theirs = Ridge(alpha=64.0, fit_intercept=False).fit(scaled, 2 * np.eye(3)[y] - 1)
    np.testing.assert_allclose(logits(found, x), theirs.predict(scaled), atol=1e-5)


@pytest.mark.parametrize("dimension", [5, 90])
def test_ridge_leaves_each_example_out_as_if_it_were_solved_anew_without_it(dimension):
    x, y = blobs(60, dimension, spread=3)
    scaled = np.pad((x - x.mean(0)) / (x.std(0) + 1e-5), ((0, 0), (0, 1)), constant_values=100).astype("float64")
    penalties, targets, expected = (1e4, 300.0, 0.1), 2 * np.eye(3)[y] - 1, []
    for penalty in penalties:
        hits = []
        for i in range(60):
            rest = np.arange(60) != i
            model = Ridge(alpha=penalty, fit_intercept=False, solver="cholesky").fit(scaled[rest], targets[rest])
            hits.append(model.predict(scaled[[i]]).argmax() == y[i])
        expected.append({"penalty": penalty, "accuracy": np.mean(hits)})
    found = ridge(x, y, 3, penalties=penalties).about
    assert found["tried"] == expected
    assert found["penalty"] == max(expected, key=lambda t: t["accuracy"])["penalty"]


def test_ridge_takes_the_penalty_that_is_best_on_validation_where_that_is_given():
    (x, y), (x_val, y_val) = blobs(30, 40, spread=4), blobs(200, 40, seed=3, spread=4)
    penalties = (1e3, 100.0, 1.0)  # under much larger ones two outputs differ in the last of 32 bits alone
    each = [(logits(ridge(x, y, 3, (p,)), x_val).argmax(axis=1) == y_val).mean() for p in penalties]
    found = ridge(x, y, 3, penalties, x_val, y_val)
    assert [t["accuracy"] for t in found.about["tried"]] == pytest.approx(each)
    assert found.about["penalty"] == penalties[int(np.argmax(each))]


def neighbours(k, temperature=0.07):
    """scikit-learn's of the same protocol."""
    return KNeighborsClassifier(k, metric="cosine", weights=lambda distance: np.exp((1 - distance) / temperature))


def test_knn_chooses_by_leaving_each_example_out():
    x, y = blobs(45, spread=3)
    candidates, expected = (1, 4, 15, 44), []
    for k in candidates:
        rest = [np.arange(45) != i for i in range(45)]
        hits = [neighbours(k).fit(x[r], y[r]).predict(x[[i]])[0] == y[i] for i, r in enumerate(rest)]
        expected.append({"k": k, "accuracy": pytest.approx(np.mean(hits))})
    found = knn(x, y, 3, candidates=(44, 15, 1, 4, 45, 500)).about
    assert found["tried"] == expected
    assert found["k"] == candidates[int(np.argmax([t["accuracy"] for t in found["tried"]]))]


@pytest.mark.parametrize("k", [1, 7, 45])
def test_the_layer_of_neighbours_gives_scikit_learns_shares_of_the_votes(k):
    x, y = blobs(45)
    asked = blobs(80, seed=4)[0]
    found = knn(x, y, 3)
    layer = layer_of(Neighbours(found.keys, found.labels, 3, k, 0.07, {}))
    shares = np.exp(keras.ops.convert_to_numpy(layer(asked)))
    np.testing.assert_allclose(shares, np.maximum(neighbours(k).fit(x, y).predict_proba(asked), 1e-12), atol=1e-5)


def test_the_layer_of_neighbours_stands_features_that_are_all_zero():
    found = logits(knn(*blobs(45), 3), np.zeros((2, 5), "float32"))
    assert np.isfinite(found).all()


@pytest.fixture
def boosters(monkeypatch):
    """The models that CatBoost makes, as they are made."""
    import catboost

    made = []

    class Seen(catboost.CatBoostClassifier):
        def __init__(self, **options):
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr(catboost, "CatBoostClassifier", Seen)
    return made


@pytest.mark.parametrize("classes", [2, 4])
def test_the_layer_of_trees_gives_catboosts_raw_values(classes, boosters):
    x, y = blobs(200, classes=classes)
    found = boosting(x, y, classes, *blobs(100, classes=classes, seed=3), iterations=150, depth=4, threads=1)
    borders = {f: np.array(b, "float32") for f, b in boosters[0].get_borders().items()}
    on_borders = np.stack([np.resize(borders[f], 40) for f in range(5)], axis=1)
    for asked in (x, blobs(300, classes=classes, seed=5, spread=6)[0], on_borders):
        raw = boosters[0].predict(asked, prediction_type="RawFormulaVal")
        expected = np.stack([np.zeros(len(asked)), raw], axis=1) if classes == 2 else raw
        alike = ~between(asked, found, borders)
        assert alike.mean() > 0.9
        np.testing.assert_allclose(logits(found, asked[alike]), expected[alike], atol=1e-5)
    assert not between(x, found, borders).any() and not between(on_borders, found, borders).any()


def test_rounding_chooses_no_leaf_where_data_have_few_digits(boosters):
    x, y = blobs(200)
    x = x.round(1)
    found = boosting(x, y, 3, x, y, iterations=30, depth=4, threads=1)
    borders = boosters[0].get_borders()
    asked = np.stack([np.resize(np.array(borders[f], "float32"), 40) for f in range(5)], axis=1)
    expected = boosters[0].predict(asked, prediction_type="RawFormulaVal")
    for rounding in (1 - 1e-6, 1, 1 + 1e-6):
        np.testing.assert_allclose(logits(found, asked * np.float32(rounding)), expected, atol=1e-5)


def between(x, found, borders):
    """Which rows (N,) of x have a value between a border of CatBoost's and where the layer has it."""
    hits = np.zeros(len(x), bool)
    for feature, border in zip(found.features.ravel(), found.borders.ravel(), strict=True):
        own = borders[feature][borders[feature] <= border].max(initial=-np.inf)
        hits |= np.isfinite(border) & (own < x[:, feature]) & (x[:, feature] <= border)
    return hits


def test_trees_of_fewer_levels_than_asked_for_are_filled_up(boosters):
    y = np.arange(90) % 3
    x = np.stack([y == 1, y == 2, np.ones(90)], axis=1).astype("float32")
    found = boosting(x, y, 3, x, y, iterations=12, depth=6, threads=1)
    assert np.isinf(found.borders).any() and np.isfinite(found.leaves).all()
    np.testing.assert_allclose(logits(found, x), boosters[0].predict(x, prediction_type="RawFormulaVal"), atol=1e-5)


def test_boosting_keeps_the_trees_with_the_lowest_loss_on_validation():
    (x, y), (x_val, y_val) = blobs(60, spread=4), blobs(60, seed=3, spread=4)
    found = boosting(x, y, 3, x_val, y_val, iterations=300, depth=3, rate=0.3, patience=10, threads=1)
    assert found.about["trees"] == len(found.borders) < found.about["tried"] < 300
    loss = -np.log(softmax(logits(found, x_val), axis=1)[np.arange(60), y_val]).mean()
    assert loss == pytest.approx(found.about["loss"], abs=1e-5)


def test_boosting_looks_at_no_validation_example_of_a_class_that_training_lacks():
    x, y = blobs(60)
    x_val, y_val = blobs(60, seed=3)
    known = y_val < 2
    one = boosting(x[y < 2], y[y < 2], 3, x_val, y_val, iterations=5, threads=1)
    two = boosting(x[y < 2], y[y < 2], 3, x_val[known], y_val[known], iterations=5, threads=1)
    assert one.about == two.about and one.leaves.tobytes() == two.leaves.tobytes()
    with pytest.raises(BadInput, match="no validation example"):
        boosting(x[y < 2], y[y < 2], 3, x_val[~known], y_val[~known])


def trees():
    """Two trees of 2 levels on 3 features, for 2 classes, made by hand; the second has one level only."""
    borders, leaves = np.array([[0.5, 1.5], [2.5, np.inf]], "float32"), np.zeros((2, 4, 2), "float32")
    leaves[0, :, 0], leaves[1, :2, 1] = [1, 2, 3, 4], [10, 20]
    return Trees(np.array([[0, 2], [1, 0]], "int32"), borders, leaves, np.array([100, 200], "float32"), {})


def test_the_layer_of_trees_adds_up_the_leaves_that_are_reached():
    asked = np.array([[0, 0, 0], [1, 0, 0], [0, 3, 2], [1, 3, 2], [0.5, 2.5, 1.5]], "float32")
    expected = [[101, 210], [102, 210], [103, 220], [104, 220], [101, 210]]
    np.testing.assert_array_equal(logits(trees(), asked), expected)


@pytest.mark.parametrize("found", [knn(*blobs(45), 3), trees()], ids=["neighbours", "trees"])
def test_both_layers_come_back_from_their_weights_and_from_a_whole_model(found, tmp_path):
    x = blobs(20, found.keys.shape[1] if isinstance(found, Neighbours) else 3)[0]
    layer = layer_of(found)
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    expected = model.predict_on_batch(x)
    model.save(tmp_path / "x.keras")
    model.save_weights(tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "x.keras").predict_on_batch(x), expected)
    empty = keras.Model(inputs, type(layer).from_config(layer.get_config())(inputs))
    assert not np.array_equal(empty.predict_on_batch(x), expected)
    empty.load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(empty.predict_on_batch(x), expected)
    assert not empty.trainable_variables and empty.output_shape == (None, expected.shape[1])


@pytest.mark.parametrize("found", [knn(*blobs(45), 3), trees()], ids=["neighbours", "trees"])
def test_both_layers_compute_in_32_bits_whatever_the_precision(found):
    x = blobs(20, found.keys.shape[1] if isinstance(found, Neighbours) else 3)[0]
    expected = logits(found, x)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        np.testing.assert_array_equal(logits(found, x), expected)
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="most formats are written by TensorFlow alone")
@pytest.mark.parametrize("name", ["savedmodel", "onnx", "litert", "openvino"])
@pytest.mark.parametrize("solve", [SOLVERS["knn"], SOLVERS["boosting"]], ids=["neighbours", "trees"])
def test_both_layers_give_the_same_in_every_format_that_is_exported(solve, name, tmp_path):
    form, layer = formats.FORMATS[name], layer_of(solve(*blobs(), 3))
    inputs, x = keras.Input((5,), name="images"), blobs(20, seed=4)[0]
    model = keras.Model(inputs, layer(inputs))
    with hushed():
        form.write(model, tmp_path / form.file)
        found = form.open(tmp_path / form.file)(x)
    np.testing.assert_allclose(found, model.predict_on_batch(x), atol=1e-4)


@pytest.mark.parametrize(("classes", "c"), [(2, 1.0), (3, 1.0), (3, 0.05)])
def test_gradient_descent_finds_scikit_learns_coefficients(classes, c):
    x, y = blobs(classes=classes)
    scaler = StandardScaler().fit(x)
    theirs = LogisticRegression(C=c, tol=1e-8, max_iter=10_000).fit(scaler.transform(x), y)
    found = logreg_gd(x, y, classes, l2=1 / (c * len(x)))
    w = found.kernel * scaler.scale_[:, None]
    b = found.bias + scaler.mean_ @ found.kernel
    if classes == 2:
        w, b = w[:, 1:] - w[:, :1], b[1:] - b[:1]
    assert found.about["converged"] and found.about["C"] == pytest.approx(c)
    np.testing.assert_allclose(w, theirs.coef_.T, atol=1e-3)
    np.testing.assert_allclose(b, theirs.intercept_, atol=1e-3)


def test_gradient_descent_ends_where_32_bits_come_no_closer():
    x, y = blobs()
    found = logreg_gd(x, y, 3, l2=0.05, steps=100_000, tolerance=0.0)
    assert found.about["steps"] < 5000 and 0 < found.about["distance"] < 1e-4 and not found.about["converged"]


def test_gradient_descent_lacks_no_class_and_says_when_it_was_stopped_early():
    x, y = blobs(classes=2)
    found = logreg_gd(x, np.array([1, 3])[y], 5, l2=0.01, steps=7)
    assert not found.about["converged"] and found.about["steps"] == 7
    assert found.bias[[0, 2, 4]].tolist() == [ABSENT] * 3 and set(logits(found, x).argmax(axis=1)) == {1, 3}


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this is what runs the others there")
def test_the_layers_and_gradient_descent_hold_under_jax(tmp_path):
    passes_under_jax(tmp_path, "adds_up or votes and 7 or coefficients and 3-1", "test_solving")


@pytest.mark.parametrize(
    ("solve", "what", "of"),
    [
        (lambda x, y, tell: logreg(x, y, 3, grid=(0.1, 1.0), folds=3, tell=tell), "fit", 6),
        (lambda x, y, tell: boosting(x, y, 3, x, y, iterations=5, threads=1, tell=tell), "tree", 5),
        # of two looks at the distance the first has none to compare with, and after the second it is over: it
        # cannot stop early, whatever rounding does
        (lambda x, y, tell: logreg_gd(x, y, 3, 0.1, steps=150, tolerance=0, tell=tell), "step", 150),
    ],
    ids=["logreg", "boosting", "logreg_gd"],
)
def test_what_takes_long_tells_how_far_it_is(solve, what, of):
    told = []
    solve(*blobs(60), lambda *event: told.append(event))
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told}) and len(told) > 1
    assert {(name, total) for name, _, total in told} == {(what, of)} and told[-1][1] == of


def test_a_probe_in_progress_is_shown_with_what_it_counts(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PLAIN", -1)
    with progress.Show(1) as show:
        for tree in (1, 2):
            show.event({"event": "step", "phase": "fit", "what": "tree", "step": tree, "steps": 5})
    assert "fit tree 2/5, about " in capsys.readouterr().out
