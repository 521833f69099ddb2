"""Optimizers with terms by variable, against the same steps done by hand."""

import keras
import numpy as np
import pytest

from lab.networks.net import to_numpy
from lab.training.adam import Adam
from lab.training.optimizers import OPTIMIZERS, Terms, optimizer
from lab.training.schedules import SCHEDULES

pytestmark = pytest.mark.numerics  # see pyproject.toml

START, GRADIENT = np.array([1.0, -2.0], "float32"), np.array([0.5, 0.25], "float32")


def stepped(made, count=1):
    """Two variables after steps with the same gradient."""
    variables = [keras.Variable(START, name=name) for name in ("a", "b")]
    made.build(variables)
    for _ in range(count):
        made.apply([keras.ops.convert_to_tensor(GRADIENT) for _ in variables], variables)
    return [to_numpy(v) for v in variables]


def test_without_terms_it_is_keras_own():
    assert type(optimizer("lion", 0.1, [Terms(), Terms()])) is keras.optimizers.Lion
    assert optimizer("sgd", 0.1, []).momentum == 0.9


def applying(made, variables):
    return lambda *gradients: made.apply(gradients, variables)


@pytest.mark.parametrize("options", [{}, {"use_ema": True, "ema_momentum": 0.5}, {"gradient_accumulation_steps": 2}])
@pytest.mark.parametrize("in_a_graph", [False, True])
def test_one_operation_a_variable_is_the_formula_of_keras_adam(options, in_a_graph):
    """With a schedule, and gradients that change in size and in sign."""
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(12, 2, 300)).astype("float32") * 10.0 ** rng.integers(-6, 3, (12, 1, 1))
    found = []
    for kind in (Adam, keras.optimizers.Adam):
        made = kind(keras.optimizers.schedules.CosineDecay(0.1, 12), **options)
        variables = [keras.Variable(np.linspace(-2, 2, 300, dtype="float32"), name=name) for name in ("a", "b")]
        made.build(variables)

        step = applying(made, variables)
        if in_a_graph and keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            step = tf.function(step)
        for pair in gradients.astype("float32"):
            step(*map(keras.ops.convert_to_tensor, pair))
        found.append([to_numpy(v) for v in [*variables, *made.variables]])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=5e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rate_is_multiplied_for_its_own_variable_only(name):
    plain, half = stepped(optimizer(name, 0.1, [Terms(), Terms()]), 3), stepped(optimizer(name, 0.05, []), 3)
    varied = stepped(optimizer(name, 0.1, [Terms(), Terms(rate=0.5)]), 3)
    np.testing.assert_allclose(varied[0], plain[0], rtol=1e-5)
    np.testing.assert_allclose(varied[1], half[1], rtol=1e-5)


def test_decay_follows_the_rate_of_its_variable():
    decayed = stepped(optimizer("adam", 0.1, [Terms(decay=0.2), Terms(rate=0.5, decay=0.2)]))
    np.testing.assert_allclose(decayed[0], START * (1 - 0.1 * 0.2) - 0.1, rtol=1e-5)  # Adam's first step is the rate
    np.testing.assert_allclose(decayed[1], START * (1 - 0.05 * 0.2) - 0.05, rtol=1e-5)


def test_decay_is_keras_adamw():
    ours = stepped(optimizer("adam", 0.1, [Terms(decay=0.2), Terms(decay=0.2)]), 3)
    np.testing.assert_allclose(ours, stepped(keras.optimizers.AdamW(0.1, weight_decay=0.2), 3), rtol=1e-5)


def test_a_pull_is_towards_where_training_began_and_a_shrinking_towards_zero():
    terms = [Terms(pull=0.5), Terms(shrink=0.5)]
    kind = optimizer("sgd", 0.1, terms, momentum=0.0, nesterov=False)
    once = stepped(kind)
    np.testing.assert_allclose(once[0], START - 0.1 * GRADIENT, rtol=1e-5)
    np.testing.assert_allclose(once[1], START - 0.1 * (GRADIENT + 0.5 * START), rtol=1e-5)
    twice = stepped(optimizer("sgd", 0.1, terms, momentum=0.0, nesterov=False), 2)
    first = START - 0.1 * GRADIENT
    np.testing.assert_allclose(twice[0], first - 0.1 * (GRADIENT + 0.5 * (first - START)), rtol=1e-5)


def test_warming_up_reaches_the_rate_after_a_tenth_and_ends_at_zero():
    rate = SCHEDULES["warmup"](0.1, 100)
    assert [round(float(rate(step)), 4) for step in (0, 5, 10, 55, 100)] == [0.0, 0.05, 0.1, 0.05, 0.0]
