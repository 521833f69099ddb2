"""Logistic regression by gradient descent in Keras: the optimum of `lab.probes.solving.logreg`, by another way."""

import math

import numpy as np

from lab.probes.solving import Linear, checked, folded, quiet
from lab.steps import Tell

Array = np.ndarray
EVERY = 100  # steps between two looks at the gradient


def logreg_gd(
    x: Array, y: Array, classes: int, l2: float, steps: int = 50_000, tolerance: float = 1e-3, tell: Tell = quiet
) -> Linear:
    """Multinomial logistic regression on standardised features, by gradient descent on all examples at once.

    It minimises the mean cross-entropy plus l2 / 2 times the squared kernel, from zeros: scikit-learn's optimum for
    C = 1 / (l2 N). Of two classes scikit-learn penalises a single kernel w, and the columns -w/2 and w/2 half as much,
    so theirs counts twice.

    The step is 1 / L: the curvature L is at most the penalty's and half the largest eigenvalue of the features' second
    moments (Böhning 1992, https://doi.org/10.1007/BF00048682). The bias is the weight of a constant feature, as large
    as that leaves the step as it is, since a smaller one would be learnt last. It ends when the `distance`, the
    gradient's norm over l2, is at most `tolerance`: with the bias at its optimum, that bounds the kernel's distance
    from its own, by strong convexity. It ends, too, when that falls no more, as it would but for 32 bits' rounding.

    Raises:
        BadInput: see `lab.probes.solving.checked`.
    """
    import keras
    from sklearn.preprocessing import StandardScaler

    present = checked(x, y, classes)
    scaler = StandardScaler().fit(x.astype("float64"))
    z = scaler.transform(x.astype("float64"))
    largest, targets = _largest_eigenvalue(z), np.eye(len(present))[np.searchsorted(present, y)]
    constant = np.sqrt(largest)
    z = np.pad(z, ((0, 0), (0, 1)), constant_values=constant)
    penalty = l2 * 2 if len(present) == 2 else l2
    rate = 1 / (largest / 2 + penalty)

    layer = keras.layers.Dense(
        len(present), use_bias=False, kernel_initializer="zeros", dtype="float32",
        kernel_regularizer=lambda w: penalty / 2 * keras.ops.sum(keras.ops.square(w[:-1])),
    )  # fmt: skip
    model = keras.Sequential([keras.Input(z.shape[1:]), layer])
    model.compile(keras.optimizers.SGD(rate), keras.losses.CategoricalCrossentropy(from_logits=True))
    batch = [keras.ops.convert_to_tensor(a, "float32") for a in (z, targets)]
    taken, distance = 0, math.inf
    while taken < steps:
        for _ in range(min(EVERY, steps - taken)):
            model.train_on_batch(*batch)
            taken += 1
        tell("step", taken, steps)
        w, before = keras.ops.convert_to_numpy(layer.kernel).astype("float64"), distance
        distance = float(np.linalg.norm(_gradient(z, targets, w, penalty))) / penalty
        if distance <= tolerance or distance >= before:
            break
    about = {
        "l2": l2, "C": 1 / (l2 * len(x)), "rate": rate, "steps": taken, "distance": distance,
        "converged": distance <= tolerance,
    }  # fmt: skip
    return folded(scaler, w[:-1], constant * w[-1], present, classes, about)


def _largest_eigenvalue(z: Array) -> float:
    """Of z.T @ z / N, for z (N, D), by the smaller of the two products."""
    product = z.T @ z if len(z) >= z.shape[1] else z @ z.T
    return float(np.linalg.eigvalsh(product)[-1]) / len(z)


def _gradient(z: Array, targets: Array, w: Array, penalty: float) -> Array:
    """Of the loss by w (D + 1, K), whose last row is not penalised."""
    from scipy.special import softmax

    error = (softmax(z @ w, axis=1) - targets) / len(z)
    return z.T @ error + penalty * np.pad(w[:-1], ((0, 1), (0, 0)))
