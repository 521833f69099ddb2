"""Batch normalisation folded into a convolution gives what it gave behind it, whatever the variables are by then."""

from collections import Counter

import keras
import numpy as np
import pytest
from conftest import passes_under_jax

from lab import names
from lab.layers.fused import fuse
from lab.networks.load import open_net
from lab.networks.net import to_numpy

LARGE = [pytest.param(name, marks=pytest.mark.slow) for name in ("ResNet50", "EfficientNetB0", "DenseNet121")]
BACKBONES = ["cnn10(width=4)", "MobileNetV2(alpha=0.35)", *LARGE]
L = keras.layers
needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA folds by itself, if at all")


def stir(model, seed=0):
    """Gives every batch norm of a model numbers of its own, of a size that lets the signal through."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, L.BatchNormalization):
            for v in layer.weights:
                low, high = (-0.2, 0.2) if v.name in ("beta", "moving_mean") else (0.7, 1.3)
                v.assign(rng.uniform(low, high, v.shape))


def images(*shape):
    return np.random.default_rng(1).uniform(0, 255, shape).astype("float32")


def is_same(model, x):
    """Whether a model predicts, which is traced, what its layers give one by one, which is not."""
    singly = to_numpy(model(x, training=False))
    off = np.abs(to_numpy(model.predict_on_batch(x)) - singly).max() / np.abs(singly).max()
    return off < 1e-5


def alive(model, training=False):
    """How many operations of each type the outputs of a traced model rest on; a Counter."""
    import tensorflow as tf

    graph = tf.function(lambda x: model(x, training=training)).get_concrete_function(
        tf.TensorSpec(model.inputs[0].shape, "float32")
    )
    found, ahead = {}, [t.op for t in graph.outputs]
    while ahead:
        op = ahead.pop()
        if op.name not in found:
            found[op.name] = op.type
            ahead += [t.op for t in op.inputs]
    return Counter(found.values())


def behind(*layers, shape=(9, 8, 3), **options):
    """A model of some layers and a batch norm behind the last one, fused and stirred."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    model = keras.Model(inputs, L.ReLU(max_value=6)(L.BatchNormalization(**options)(x)))
    fuse(model)
    stir(model)
    return model


def opened(backbone, head="linear", size=32):
    keras.utils.set_random_seed(0)
    net = open_net(names.build("backbones", backbone), (size, size, 3), names.build("heads", head), 5, None, False)
    stir(net.model)
    return net


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_network_predicts_what_it_did_and_follows_its_variables(backbone):
    net = opened(backbone)
    x = images(3, 32, 32, 3)
    assert is_same(net.model, x)
    before = net.model.predict_on_batch(x)
    stir(net.model, seed=7)
    rng = np.random.default_rng(2)
    for w in net.model.trainable_variables:
        w.assign(to_numpy(w) * rng.uniform(0.9, 1.1, w.shape))
    assert is_same(net.model, x) and not np.allclose(before, net.model.predict_on_batch(x), rtol=1e-3)


@pytest.mark.parametrize("head", ["deeplabv3plus", "unet(4,4,4,4)"])
def test_so_does_one_that_makes_masks(head):
    assert is_same(opened("MobileNetV2(alpha=0.35)", head, 64).model, images(2, 64, 64, 3))


@needs_tensorflow
@pytest.mark.parametrize(("backbone", "left"), [
    ("cnn10(width=4)", 0), ("MobileNetV2(alpha=0.35)", 0), ("EfficientNetB0", 0), ("DenseNet121", 62),
])  # fmt: skip
def test_what_follows_no_convolution_is_left(backbone, left):
    found = alive(opened(backbone).model)
    assert found["FusedBatchNormV3"] == left and found["BiasAdd"] > 1


FOLDED = {
    "a bias": ([L.Conv2D(4, 3, bias_initializer="uniform")], {}),
    "no scale": ([L.Conv2D(4, 3, use_bias=False)], {"scale": False}),
    "no center": ([L.Conv2D(4, 3, use_bias=False)], {"center": False}),
    "another epsilon": ([L.Conv2D(4, 1, use_bias=False)], {"epsilon": 0.1}),
    "strides": ([L.Conv2D(4, 3, strides=2, padding="same")], {}),
    "depthwise": ([L.DepthwiseConv2D(3, depth_multiplier=2, bias_initializer="uniform")], {}),
    "separable": ([L.SeparableConv2D(4, 3)], {}),
    "zeros around": ([L.ZeroPadding2D(1), L.Conv2D(4, 3)], {}),
    "zeros before a stride": ([L.ZeroPadding2D(((1, 1), (0, 1))), L.DepthwiseConv2D(3, strides=2)], {}),
    "zeros of another size": ([L.ZeroPadding2D(((0, 1), (1, 1))), L.DepthwiseConv2D(3, strides=2)], {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOLDED)
def test_a_convolution_of_any_kind_takes_it_in(kind):
    layers, options = FOLDED[kind]
    model = behind(*[type(layer).from_config(layer.get_config()) for layer in layers], **options)
    assert is_same(model, images(4, 9, 8, 3))
    if keras.backend.backend() == "tensorflow":
        found = alive(model)
        assert found["FusedBatchNormV3"] == 0 and found["BiasAdd"] == 1
        assert found["Pad"] == (kind == "zeros of another size")


def test_an_adapted_kernel_is_taken_in_as_it_is():
    convolution = L.Conv2D(4, 3)
    model = behind(convolution)
    convolution.enable_lora(2)
    convolution.lora_kernel_b.assign(np.ones(convolution.lora_kernel_b.shape))
    assert is_same(model, images(4, 9, 8, 3))


@pytest.mark.parametrize("kind", ["an activation", "dilation", "transposed", "groups"])
def test_what_cannot_take_it_in_is_left(kind):
    made = {
        "an activation": lambda: L.Conv2D(4, 3, activation="relu"),
        "dilation": lambda: L.Conv2D(4, 3, dilation_rate=2),
        "transposed": lambda: L.Conv2DTranspose(4, 3),
        "groups": lambda: L.Conv2D(6, 3, groups=3),
    }
    model = behind(made[kind]())
    assert is_same(model, images(4, 9, 8, 3))
    assert keras.backend.backend() != "tensorflow" or alive(model)["FusedBatchNormV3"] == 1


def test_a_convolution_that_others_read_is_computed_once():
    inputs = keras.Input((9, 8, 3))
    maps = L.Conv2D(4, 3)(inputs)
    model = keras.Model(inputs, L.Add()([maps, L.BatchNormalization()(maps)]))
    fuse(model)
    stir(model)
    assert is_same(model, images(4, 9, 8, 3))
    assert keras.backend.backend() != "tensorflow" or alive(model)["Conv2D"] == 1


@needs_tensorflow
@pytest.mark.parametrize("learns", [True, False])
def test_a_training_step_is_left_as_it_was(learns):
    model = behind(L.Conv2D(4, 3, use_bias=False))
    model.layers[2].trainable = learns
    found = alive(model, training=True)
    assert found["FusedBatchNormV3"] == 1 and found["BiasAdd"] == 0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_sixteen_bits_are_left_alone(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = behind(L.Conv2D(4, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.backend() != "tensorflow" or alive(model)["BiasAdd"] == 1  # its own


@needs_tensorflow
@pytest.mark.slow
def test_jax_predicts_the_same(tmp_path):
    passes_under_jax(tmp_path, "cnn10 or takes_it or taken or left or once", "test_folded")
