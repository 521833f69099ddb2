"""Logistic regression by plain gradient descent in Keras: the same optimum as `lab.solving.logreg`, by another way."""

import numpy as np

from lab.solving import Linear, checked, folded

Array = np.ndarray
EVERY = 100  # steps between two looks at the gradient


def logreg_gd(x: Array, y: Array, classes: int, l2: float, steps: int = 20_000, tolerance: float = 1e-3) -> Linear:
    """Multinomial logistic regression on standardised features, by gradient descent on all examples at once.

    It minimises the mean cross-entropy plus l2 / 2 times the squared kernel, from zeros: scikit-learn's optimum for
    C = 1 / (l2 N). Scikit-learn penalises the one kernel w that it has of two classes, the two columns -w/2 and w/2
    half as much, so theirs counts twice. The step is 1 / L, where the largest curvature L is at most half the largest
    eigenvalue of the features' second moments, a constant for the bias included, and the penalty's (Böhning 1992,
    https://doi.org/10.1007/BF00048682). It ends when the gradient's norm over l2 is at most `tolerance`: no
    coefficient is then further than that from its optimum, by strong convexity.

    Raises:
        BadInput: see `lab.solving.checked`.
    """
    import keras
    from sklearn.preprocessing import StandardScaler

    present = checked(x, y, classes)
    scaler = StandardScaler().fit(x.astype("float64"))
    z = scaler.transform(x.astype("float64"))
    targets = np.eye(len(present))[np.searchsorted(present, y)]
    penalty = l2 * 2 if len(present) == 2 else l2
    rate = 1 / (_largest_eigenvalue(np.pad(z, ((0, 0), (0, 1)), constant_values=1)) / 2 + penalty)

    layer = keras.layers.Dense(
        len(present), kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(penalty / 2), dtype="float32"
    )
    model = keras.Sequential([keras.Input(z.shape[1:]), layer])
    model.compile(keras.optimizers.SGD(rate), keras.losses.CategoricalCrossentropy(from_logits=True))
    batch = [keras.ops.convert_to_tensor(a, "float32") for a in (z, targets)]
    taken, distance = 0, np.inf
    while taken < steps and distance > tolerance:
        for _ in range(min(EVERY, steps - taken)):
            model.train_on_batch(*batch)
            taken += 1
        w, b = (keras.ops.convert_to_numpy(v).astype("float64") for v in (layer.kernel, layer.bias))
        distance = _gradient_norm(z, targets, w, b, penalty) / penalty
    about = {
        "l2": l2, "C": 1 / (l2 * len(x)), "rate": float(rate), "steps": taken, "distance": float(distance),
        "converged": bool(distance <= tolerance),
    }  # fmt: skip
    return folded(scaler, w, b, present, classes, about)


def _largest_eigenvalue(a: Array) -> float:
    """Of a.T @ a / N, for a (N, D); that of the smaller of the two products."""
    product = a.T @ a if len(a) >= a.shape[1] else a @ a.T
    return float(np.linalg.eigvalsh(product)[-1]) / len(a)


def _gradient_norm(z: Array, targets: Array, w: Array, b: Array, penalty: float) -> float:
    from scipy.special import softmax

    error = (softmax(z @ w + b, axis=1) - targets) / len(z)
    return float(np.hypot(np.linalg.norm(z.T @ error + penalty * w), np.linalg.norm(error.sum(axis=0))))
