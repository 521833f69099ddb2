"""Batch normalisation in one operation is Keras' own: outputs, gradients, statistics; files know nothing of it."""

import keras
import numpy as np
import pytest
from conftest import tiny_trainer

from lab.layers.fused import fuse
from lab.steps import Phase

tf = pytest.importorskip("tensorflow")
OPTIONS = [{}, {"scale": False}, {"center": False}, {"momentum": 0.0}, {"epsilon": 1e-5, "axis": 3}]


def nets(**options):
    """The same layer twice, behind a convolution; in the second one fused."""
    made = []
    for is_fused in (False, True):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((6, 5, 3))
        x = keras.layers.Conv2D(4, 3, use_bias=False)(inputs)
        model = keras.Model(inputs, keras.layers.BatchNormalization(name="norm", **options)(x))
        rng = np.random.default_rng(0)
        for v in model.get_layer("norm").variables:
            v.assign(rng.uniform(0.5, 2, v.shape))
        if is_fused:
            fuse(model)
        made.append(model)
    return made


def arrays(variables):
    return [keras.ops.convert_to_numpy(v) for v in variables]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("learns", [True, False])
def test_outputs_gradients_and_statistics_are_those_of_keras(options, training, learns):
    x = np.random.default_rng(1).normal(40, 9, (7, 6, 5, 3)).astype("float32")
    outs, grads, moving = [], [], []
    for model in nets(**options):
        norm = model.get_layer("norm")
        norm.trainable = learns
        with tf.GradientTape() as tape:
            out = tf.function(model)(x, training=training)
            loss = tf.reduce_sum(out**3)
        grads.append(tape.gradient(loss, [v.value for v in model.trainable_variables]))
        outs.append(out.numpy())
        moving.append(arrays([norm.moving_mean, norm.moving_variance]))
    np.testing.assert_allclose(*outs, rtol=2e-4, atol=2e-4)
    for a, b in zip(*grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3 * float(np.abs(a).max()))
    for a, b in zip(*moving, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def operations(function, *shape):
    graph = tf.function(function).get_concrete_function(tf.TensorSpec(shape, "float32")).graph
    return {op.type for op in graph.get_operations()}


def test_a_networks_step_has_it_in_one_operation(trainer):
    trainer.execute(Phase(trainer.net.parts.all))
    for training in (True, False):
        found = operations(lambda x, t=training: trainer.net.model(x, training=t), 8, 16, 16, 3)
        # in inference it is folded into the convolution before it
        assert ("FusedBatchNormV3" in found) == training and "SquaredDifference" not in found


def test_what_it_is_not_for_stays_keras_own(tmp_path):
    _, fused = nets(synchronized=True)
    assert "call" not in vars(fused.get_layer("norm"))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        norms = tiny_trainer(tmp_path).net.norms()
    finally:
        keras.config.set_dtype_policy("float32")
    assert norms and all("call" not in vars(n) for n in norms)


def test_a_file_and_a_clone_know_nothing_of_it(tmp_path):
    _, fused = nets()
    x = np.random.default_rng(1).normal(size=(7, 6, 5, 3)).astype("float32")
    fused.save(tmp_path / "it.keras")
    again = keras.saving.load_model(tmp_path / "it.keras")
    copy = keras.models.clone_model(fused)
    copy.set_weights(fused.get_weights())
    for other in (again, copy):
        assert "call" not in vars(other.get_layer("norm"))
        np.testing.assert_allclose(other(x, training=False), fused(x, training=False), rtol=1e-5, atol=1e-5)
