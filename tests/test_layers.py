"""SegNet's pooling by indices and its inverse, against plain NumPy, under both backends."""

import keras
import numpy as np
import pytest
from conftest import passes_under_jax
from keras import layers

from lab.layers.pooling import Switches, Unpooling

SIZES = [(4, 6), (5, 7), (2, 3)]


def maps(height, width, seed=0, bands=3):
    return np.random.default_rng(seed).normal(size=(2, height, width, bands)).astype("float32")


def indices(x):
    """(n, i, j, c, row, column) of each 2x2 window of (N, H, W, C), and where its first largest value stands."""
    n, height, width, bands = x.shape
    windows = np.ndindex(n, height // 2, width // 2, bands)
    found = []
    for a, i, j, c in windows:
        row, column = np.unravel_index(x[a, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c].argmax(), (2, 2))
        found.append((a, i, j, c, 2 * i + row, 2 * j + column))
    return found


def gradient(function, x):
    """Of the sum of a function's values, by the input."""
    if keras.backend.backend() == "jax":
        import jax

        return np.array(jax.grad(lambda x: keras.ops.sum(function(x)))(x))
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = keras.ops.sum(function(x))
    return tape.gradient(total, x).numpy()


@pytest.mark.parametrize("size", SIZES)
def test_unpooling_puts_each_value_back_to_where_its_maximum_was(size):
    x, values = maps(*size), maps(size[0] // 2, size[1] // 2, seed=1)
    expected = np.zeros_like(x)
    for n, i, j, c, row, column in indices(x):
        expected[n, row, column, c] = values[n, i, j, c]
    found = keras.ops.convert_to_numpy(Unpooling()([values, Switches()(x)]))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", SIZES)
def test_switches_are_where_keras_pooling_takes_its_values(size):
    x = maps(*size)
    pooled = layers.MaxPooling2D()(x)
    back = keras.ops.convert_to_numpy(Unpooling()([pooled, Switches()(x)]))
    np.testing.assert_array_equal(back[back != 0], x[back != 0])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layers.MaxPooling2D()(np.abs(back))), np.abs(pooled))


def test_of_equal_values_one_alone_counts_the_first():
    switches = keras.ops.convert_to_numpy(Switches()(np.zeros((1, 4, 4, 1), "float32")))
    assert switches[0, :, :, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_the_gradient_of_unpooling_is_read_where_the_values_went():
    x, values, weights = maps(5, 7), maps(2, 3, seed=1), maps(5, 7, seed=2)
    expected = np.zeros_like(values)
    for n, i, j, c, row, column in indices(x):
        expected[n, i, j, c] = weights[n, row, column, c]
    switches = Switches()(x)
    np.testing.assert_allclose(gradient(lambda v: Unpooling()([v, switches]) * weights, values), expected)


def test_both_are_saved_and_loaded_with_a_model(tmp_path):
    inputs = keras.Input((5, 7, 3))
    model = keras.Model(inputs, Unpooling()([layers.MaxPooling2D()(inputs), Switches()(inputs)]))
    model.save(tmp_path / "x.keras")
    again, x = keras.saving.load_model(tmp_path / "x.keras"), maps(5, 7)
    np.testing.assert_array_equal(again.predict_on_batch(x), model.predict_on_batch(x))


def test_switches_take_a_byte_each_whatever_the_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        inputs = keras.Input((5, 7, 3))
        switches = Switches()(inputs)
        model = keras.Model(inputs, [switches, Unpooling()([layers.MaxPooling2D()(inputs), switches])])
    finally:
        keras.config.set_dtype_policy("float32")
    found, back = model.predict_on_batch(maps(5, 7))
    assert found.dtype == "uint8" and back.dtype == "float16" and found.sum() == 2 * 2 * 3 * 3


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this is what runs the others there")
def test_all_of_this_atrous_windows_and_a_decoders_gradient_hold_under_jax(tmp_path):
    some = "test_layers or stood and (max or mean or padded or sequence) or gradient and convolutions"
    passes_under_jax(tmp_path, some, "test_layers", "test_atrous", "test_decoders")
