"""Probes: classifiers found on features (N, D) of a frozen network by solving, not by training it. No Keras.

Each looks at the training examples, and where it says so at validation examples, and gives what it found: arrays for
a layer to hold, and `about`, JSON-able: what was chosen by looking, `by` what, and all that was `tried`.

logreg, ridge ─► Linear      ─► keras.layers.Dense
knn           ─► Neighbours  ─► lab.probes.nearest_neighbours
boosting      ─► Trees       ─► lab.probes.boosted_trees

There is always an output for each of the K classes, also where the training examples lack some.
"""

import itertools
import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.steps import Tell

Array = np.ndarray
ABSENT = -1e4  # logit of a class without examples: its probability is 0, and the value finite in float16, too
GRID = tuple(10.0**p for p in range(-6, 3))  # of C
PENALTIES = tuple(2.0**p for p in range(-6, 21))
PENALTY = 2.0**10  # big_vision's
CONSTANT = 100.0  # big_vision's: a feature so large that its weight, the bias, is hardly penalised
ALONE = "nothing: each example is alone in its class"
NEIGHBOURS = (1, 3, 5, 10, 20, 50, 100, 200)


def quiet(what: str, done: int, of: int) -> None:
    """Tells nobody how far it is."""


@dataclass(frozen=True, eq=False)
class Linear:
    """Logits (N, K) of raw features x (N, D): x @ kernel (D, K) + bias (K,), float32."""

    kernel: Array
    bias: Array
    about: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Training features of unit length (N, D) float32, their labels (N,) int64, how many vote, and how sharply."""

    keys: Array
    labels: Array
    classes: int
    k: int
    temperature: float
    about: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Trees:
    """T symmetric trees: each level asks one question, whichever the answers before.

    Question i of tree t is whether x[:, features[t, i]] > borders[t, i], int32 and float32 (T, depth); a yes is bit i
    of the leaf's number. Logits are the sum of the leaves (T, 2**depth, K) that are reached, and of bias (K,), float32.
    """

    features: Array
    borders: Array
    leaves: Array
    bias: Array
    about: dict[str, Any]


def logreg(
    x: Array,
    y: Array,
    classes: int,
    seed: int = 0,
    grid: tuple[float, ...] = GRID,
    folds: int = 5,
    steps: int = 1000,
    tolerance: float = 1e-6,
    search_steps: int = 100,
    tell: Tell = quiet,
) -> Linear:
    """Multinomial logistic regression on standardised features, its C by stratified, cross-validated accuracy.

    scikit-learn's, by L-BFGS, of at most `steps` and until no gradient is above `tolerance`; in the search of at most
    `search_steps`, scikit-learn's default, after which the accuracies hardly change. Of equal accuracies the
    smallest C wins, which is the strongest penalty. A class of one example is left out of the search, and the rarest
    other class limits the folds; where less than two classes remain, there is no search, and C is 1. Of two classes
    scikit-learn finds a single logit z; the columns are -z/2 and z/2, whose softmax is its sigmoid.

    Raises:
        BadInput: see `checked`.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    present, x = checked(x, y, classes), x.astype("float64")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=search_steps, tol=tolerance))
    # one thread: many would wait for each other at each of its small products, and add up in another order elsewhere
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # told in `about`
        about = _cross_validated(pipeline, x, y, seed, grid, folds, tell)
        final = {"logisticregression__C": about["C"], "logisticregression__max_iter": steps}
        scaler, model = pipeline.set_params(**final).fit(x, y)
    iterations = int(model.n_iter_.max())
    about |= {"iterations": iterations, "converged": iterations < steps}
    halves = np.array([-0.5, 0.5]) if len(present) == 2 else 1.0
    return folded(scaler, model.coef_.T * halves, model.intercept_ * halves, present, classes, about)


def ridge(
    x: Array,
    y: Array,
    classes: int,
    penalties: tuple[float, ...] = PENALTIES,
    x_val: Array | None = None,
    y_val: Array | None = None,
) -> Linear:
    """Least squares onto targets of -1 and 1 with an L2 penalty, in closed form: big_vision's few-shot probe.

    Its outputs are regression values, no log-odds: which is the largest tells the class, and a softmax of them is no
    probability. A class without examples is about -1 everywhere, which another always exceeds. Features are
    standardised (with 1e-5 added to each deviation), and a constant one is added for the bias.

    The penalty is the one with the best accuracy: on validation examples where they are given, else on each training
    example as all others predict it, in closed form and with the standardisation of all. An example that is alone in
    its class is not counted there; where each is, the penalty is big_vision's. Of equal accuracies the largest wins.

    Dosovitskiy et al. 2021 (ViT), section 4.1, https://arxiv.org/abs/2010.11929, as `evaluators/fewshot_lsr.py` of
    https://github.com/google-research/big_vision does it; leaving one out: Hastie et al. 2009, equation 7.64,
    https://hastie.su.domains/ElemStatLearn.

    Raises:
        BadInput: see `checked`.
    """
    checked(x, y, classes)
    mean, deviation = x.mean(axis=0, dtype="float64"), x.std(axis=0, dtype="float64") + 1e-5

    def ready(x: Array) -> Array:
        return np.pad((x - mean) / deviation, ((0, 0), (0, 1)), constant_values=CONSTANT)

    z, targets = ready(x), 2 * np.eye(classes)[y] - 1
    if len(z) >= z.shape[1]:
        values, q = np.linalg.eigh(z.T @ z)
        projected = z @ q
        left, right, squares = q, projected.T @ targets, projected**2
    else:  # the dual form, of the smaller matrix
        values, q = np.linalg.eigh(z @ z.T)
        values = np.maximum(values, 0)
        left, right, squares = z.T @ q, q.T @ targets, q**2 * values

    def solution(penalty: float) -> Array:
        return left / (values + penalty) @ right

    def by_the_others(penalty: float) -> Array:
        leverage = (squares / (values + penalty)).sum(axis=1, keepdims=True)
        return targets - (targets - z @ solution(penalty)) / (1 - leverage)

    counted, order = np.bincount(y)[y] > 1, sorted(penalties, reverse=True)
    if x_val is not None and y_val is not None:
        judged = ready(_finite(x_val))
        hits = {p: (judged @ solution(p)).argmax(axis=1) == y_val for p in order}
        about = _best("penalty", hits, "accuracy on validation")
    elif counted.any():
        hits = {p: (by_the_others(p).argmax(axis=1) == y)[counted] for p in order}
        about = _best("penalty", hits, "leave-one-out accuracy")
    else:
        about = {"penalty": PENALTY, "by": ALONE, "tried": []}
    w = solution(about["penalty"])
    kernel = w[:-1] / deviation[:, None]
    return Linear(kernel.astype("float32"), (CONSTANT * w[-1] - mean @ kernel).astype("float32"), about)


def knn(
    x: Array,
    y: Array,
    classes: int,
    candidates: tuple[int, ...] = NEIGHBOURS,
    temperature: float = 0.07,
) -> Neighbours:
    """Nearest neighbours by cosine similarity s, each voting with weight exp(s / temperature).

    Their number is the candidate with the best accuracy on each training example as all others predict it; an example
    that is alone in its class is not counted, and where each is, one neighbour decides. Of equal accuracies the
    smallest number wins.

    Wu et al. 2018, https://arxiv.org/abs/1805.01978; Caron et al. 2021 (DINO), https://arxiv.org/abs/2104.14294.

    Raises:
        BadInput: see `checked`.
    """
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import normalize

    checked(x, y, classes)
    keys, counted = normalize(x.astype("float32")), np.bincount(y)[y] > 1
    about: dict[str, Any] = {"k": 1, "by": ALONE, "tried": []}
    if counted.any():
        order = sorted({min(k, len(x) - 1) for k in candidates})
        distances, near = NearestNeighbors(n_neighbors=order[-1], metric="cosine").fit(keys).kneighbors()  # not itself
        weights = np.exp(-distances / temperature)  # a constant times exp(s / temperature), and never too large
        hits = {k: (_votes(y[near[:, :k]], weights[:, :k], classes).argmax(axis=1) == y)[counted] for k in order}
        about = _best("k", hits, "leave-one-out accuracy")
    return Neighbours(keys, y.astype("int64"), classes, about["k"], temperature, about)


def boosting(
    x: Array,
    y: Array,
    classes: int,
    x_val: Array,
    y_val: Array,
    seed: int = 0,
    iterations: int = 1000,
    depth: int = 6,
    rate: float | None = None,
    patience: int = 50,
    threads: int = -1,
    tell: Tell = quiet,
) -> Trees:
    """Gradient boosting of symmetric trees by CatBoost, of as many as have the lowest log loss on validation.

    It stops where `patience` trees did not lower that loss. A `rate` that is left out is CatBoost's own choice, and -1
    threads are as many as there are cores. Of two classes CatBoost finds a single logit z; the columns are 0 and z.

    Prokhorenkova et al. 2018, https://arxiv.org/abs/1706.09516.

    Raises:
        BadInput: see `checked`; or no validation example is of a class that training has.
    """
    from catboost import CatBoostClassifier

    present = checked(x, y, classes)
    known = np.isin(y_val, present)
    if not known.any():
        raise BadInput("boosting ends by validation, and no validation example is of a class in training; add some")
    model = CatBoostClassifier(
        loss_function="Logloss" if len(present) == 2 else "MultiClass", iterations=iterations, depth=depth,
        learning_rate=rate, early_stopping_rounds=patience, use_best_model=True, grow_policy="SymmetricTree",
        random_seed=seed, thread_count=threads, allow_writing_files=False, verbose=False,
    )  # fmt: skip
    told = Told(lambda done: tell("tree", done, iterations))
    model.fit(x, y, eval_set=(_finite(x_val)[known], y_val[known]), callbacks=[told])
    losses = next(iter(model.get_evals_result()["validation"].values()))
    about = {
        "trees": int(model.tree_count_), "by": "log loss on validation", "loss": float(min(losses)),
        "tried": len(losses), "depth": depth, "rate": float(model.learning_rate_),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trees.json"
        model.save_model(str(file), format="json")
        trees = _of_json(json.loads(file.read_text(encoding="utf-8")), depth, present, classes, about)
    return replace(trees, borders=_off_values(trees.features, trees.borders, x))


@dataclass(frozen=True)
class Told:
    """Tells CatBoost's iterations as they end."""

    tell: Callable[[int], None]

    def after_iteration(self, info: Any) -> bool:
        """Whether CatBoost is to go on."""
        self.tell(info.iteration)
        return True


def _off_values(features: Array, borders: Array, x: Array) -> Array:
    """The borders (T, depth), each a hundredth of its way up to the next value in training, which answers alike there.

    CatBoost's are in the middle between two values, and where data have few digits another value is just there; then
    the rounding of whatever computes the features would choose its leaf.
    """
    moved = borders.copy()
    for feature in np.unique(features):
        values = np.unique(x[:, feature])
        here = (features == feature) & (borders < values[-1])
        above = values[np.searchsorted(values, borders[here], side="right")]
        moved[here] += 0.01 * (above - borders[here])
    return moved


def checked(x: Array, y: Array, classes: int) -> Array:
    """The classes (at least two) that examples x (N, D) with labels y (N,) have, ascending.

    Raises:
        BadInput: a feature is no finite number, all examples have the same, or all are of one class.
    """
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"features are (N, D) and labels (N,); received {x.shape} and {y.shape}")
    if len(y) and not 0 <= y.min() <= y.max() < classes:
        raise ValueError(f"labels are 0 to {classes - 1}; received {y.min()} to {y.max()}")
    present = np.unique(y)
    if len(present) < 2:
        raise BadInput(f"a probe tells classes apart; received training examples of {len(present)}, it takes 2 or more")
    if not np.ptp(_finite(x), axis=0).any():
        raise BadInput(f"the {len(x)} training examples all have the same features; use another backbone or --weights")
    return present


def folded(scaler: Any, w: Array, b: Array, present: Array, classes: int, about: dict[str, Any]) -> Linear:
    """Weights (D, P) and biases (P,) of P classes on scaled features, as those of all K on raw ones."""
    kernel, bias = np.zeros((len(w), classes)), np.full(classes, ABSENT)
    kernel[:, present] = w / scaler.scale_[:, None]
    bias[present] = b - scaler.mean_ @ kernel[:, present]
    return Linear(kernel.astype("float32"), bias.astype("float32"), about)


def _finite(x: Array) -> Array:
    if bad := int((~np.isfinite(x)).any(axis=1).sum()):
        raise BadInput(
            f"{bad} of {len(x)} examples have features that are NaN or infinite; use --precision float32, or look at "
            "the source's weights"
        )
    return x


def _cross_validated(
    pipeline: Any, x: Array, y: Array, seed: int, grid: tuple[float, ...], folds: int, tell: Tell
) -> dict[str, Any]:
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    counts, order = np.bincount(y), sorted(grid)
    if (counts > 1).sum() < 2:
        return {"C": 1.0, "by": ALONE, "tried": []}
    counted, folds = counts[y] > 1, int(min(folds, counts[counts > 1].min()))
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed)
    done = itertools.count(1)

    def scored(model: Any, x: Array, y: Array) -> float:
        tell("fit", next(done), len(order) * folds)
        return model.score(x, y)

    search = GridSearchCV(pipeline, {"logisticregression__C": order}, scoring=scored, cv=cut, refit=False)
    scores = search.fit(x[counted], y[counted]).cv_results_["mean_test_score"]
    return _best("C", dict(zip(order, scores, strict=True)), f"{folds}-fold cross-validated accuracy")


def _best(name: str, hits: dict[Any, Any], by: str) -> dict[str, Any]:
    """What was chosen: of the values tried, the first with the best mean."""
    scores = {value: float(np.mean(h)) for value, h in hits.items()}
    tried = [{name: value, "accuracy": score} for value, score in scores.items()]
    return {name: max(scores, key=scores.__getitem__), "by": by, "tried": tried}


def _votes(labels: Array, weights: Array, classes: int) -> Array:
    """The sum of weights (N, k) by label (N, k), of each class (N, K)."""
    cells = np.arange(len(labels))[:, None] * classes + labels
    return np.bincount(cells.ravel(), weights.ravel(), len(labels) * classes).reshape(-1, classes)


def _of_json(model: dict[str, Any], depth: int, present: Array, classes: int, about: dict[str, Any]) -> Trees:
    """CatBoost's JSON as arrays; a tree of fewer levels asks for the rest whether something exceeds infinity."""
    trees, (scale, shift) = model["oblivious_trees"], model["scale_and_bias"]
    columns = present[1:] if len(present) == 2 else present
    features, borders = np.zeros((len(trees), depth), "int32"), np.full((len(trees), depth), np.inf, "float32")
    leaves, bias = np.zeros((len(trees), 2**depth, classes), "float32"), np.full(classes, ABSENT, "float32")
    bias[present] = 0
    bias[columns] = shift
    for t, tree in enumerate(trees):
        splits = tree["splits"]
        features[t, : len(splits)] = [split["float_feature_index"] for split in splits]
        borders[t, : len(splits)] = [split["border"] for split in splits]
        leaves[t, : 2 ** len(splits), columns] = scale * np.reshape(tree["leaf_values"], (-1, len(columns))).T
    return Trees(features, borders, leaves, bias, about)
