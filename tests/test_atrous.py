"""A rewritten backbone still computes every value of the original, at any size, with the same weights."""

import keras
import numpy as np
import pytest
from keras import layers

from lab import names
from lab.errors import BadInput
from lab.networks.atrous import rewritten
from lab.networks.stages import structure

FAMILIES = {  # the smallest of each: the smallest output stride of 8, 16 and 32 that it can be brought to
    "Xception": 16, "VGG16": 16, "ResNet50": 8, "ResNet50V2": 8, "InceptionV3": 32, "InceptionResNetV2": 16,
    "MobileNet(alpha=0.25)": 8, "MobileNetV2(alpha=0.35)": 8, "MobileNetV3Small(alpha=0.75)": 8, "DenseNet121": 16,
    "EfficientNetB0": 8, "EfficientNetV2B0": 8, "ConvNeXtTiny": 8,
}  # fmt: skip


def images_of(model):
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, *model.inputs[0].shape[1:])).astype("float32")


def prepared(model, gates=False):
    """With batch norm that leaves features of deviation 1, so that a difference shows; gates are constants or not."""
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
        elif isinstance(layer, layers.Conv2D) and tuple(layer.input.shape[1:3]) == (1, 1) and not gates:
            layer.kernel.assign(np.zeros(layer.kernel.shape))
    model(images_of(model), training=True)
    return model


def differs(model, stride, rate):
    """Largest difference between the original and every `rate`-th place of the model at that output stride."""
    made = rewritten("it", model, stride)
    for a, b in zip(model.weights, made.weights, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))
    assert structure(made) == structure(model)
    images = images_of(model)
    expected, found = (keras.ops.convert_to_numpy(m(images, training=False)) for m in (model, made))
    assert found.shape[1] > expected.shape[1] and expected.std(axis=(1, 2)).mean() > 1e-3
    assert found[:, ::rate, ::rate].shape == expected.shape
    return np.abs(found[:, ::rate, ::rate] - expected).max() / expected.std()


@pytest.mark.parametrize(("text", "own", "stride", "size"), [
    ("cnn10(width=4)", 16, 8, (32, 32)), ("cnn10(width=4)", 16, 8, (45, 62)),
    ("MobileNetV2(alpha=0.35)", 32, 8, (64, 64)), ("MobileNetV2(alpha=0.35)", 32, 16, (71, 90)),
    ("resnet18", 32, 8, (64, 64)), ("resnet18", 32, 16, (71, 90)),
    ("vgg11_bn", 32, 16, (64, 64)), ("vgg11_bn", 32, 16, (71, 90)),
])  # fmt: skip
def test_every_value_of_the_original_is_still_computed(text, own, stride, size):
    model = prepared(names.build("backbones", text).build((*size, 3)))
    assert differs(model, stride, own // stride) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("text", FAMILIES)
def test_every_family_is_rewritten_exactly_or_refused(text):
    backbone, smallest = names.build("backbones", text), FAMILIES[text]
    for size in ((128, 160), (133, 122)):
        model = prepared(backbone.build((*size, 3)))
        for stride in (8, 16):
            if stride < smallest:
                with pytest.raises(BadInput, match=f"pools in windows .* use output_stride={smallest}"):
                    rewritten(backbone, model, stride)
            else:
                assert differs(model, stride, 32 // stride) < 1e-2
        keras.backend.clear_session()


@pytest.mark.parametrize(("text", "stride", "grid"), [
    ("MobileNetV2(alpha=0.35)", 16, (12, 15)), ("resnet18", 8, (23, 30)),
])  # fmt: skip
def test_the_grid_is_as_fine_as_it_says_at_the_size_of_camvid(text, stride, grid):
    backbone = names.build("backbones", text)
    assert tuple(rewritten(backbone, backbone.build((180, 240, 3)), stride).output.shape[1:3]) == grid


def test_squeeze_and_excite_sees_another_mean_and_nothing_else_changes():
    """Up to the first gate behind the removed stride every value is the original's; behind it they are not."""
    backbone = names.build("backbones", "MobileNetV3Small(alpha=0.75)")
    model = prepared(backbone.build((64, 64, 3)), gates=True)
    made = rewritten(backbone, model, 16)
    means = [isinstance(x, layers.GlobalAveragePooling2D) and x.input.shape[1] == 2 for x in model.operations]
    before = means.index(True) - 1
    both = [keras.Model(m.inputs, [m.operations[before].output, m.output]) for m in (model, made)]
    expected, found = (m.predict_on_batch(images_of(model)) for m in both)
    close = [np.allclose(b[:, ::2, ::2], a, atol=1e-3 * a.std()) for a, b in zip(expected, found, strict=True)]
    assert close == [True, False] and model.operations[before].output.shape[1] == 2


@pytest.mark.parametrize("stride", [32, 64])
def test_at_its_own_stride_a_model_is_left_alone(stride):
    backbone = names.build("backbones", "MobileNetV2(alpha=0.35)")
    model = backbone.build((32, 32, 3))
    assert rewritten(backbone, model, stride) is model


@pytest.mark.parametrize(("text", "stride", "allowed"), [("cnn10(width=4)", 4, 8), ("vgg11_bn", 8, 16)])
def test_windows_of_pooling_behind_a_removed_stride_are_refused(text, stride, allowed):
    backbone = names.build("backbones", text)
    with pytest.raises(BadInput, match=f"pools in windows at stride {allowed}.* use output_stride={allowed}") as error:
        rewritten(backbone, backbone.build((32, 32, 3)), stride)
    assert text in str(error.value) and "\n" not in str(error.value)


def block(channels):
    inputs = keras.Input((None, None, channels))
    return keras.Model(inputs, layers.Conv2D(channels, 3, padding="same")(inputs))


@pytest.mark.parametrize(("layer", "said"), [
    (lambda: layers.Cropping2D(1), "nothing here replaces its Cropping2D"),
    (lambda: keras.Sequential([layers.ReLU(), layers.UpSampling2D()]), "nothing here replaces its UpSampling2D"),
    (lambda: block(4), "nothing here replaces its Functional"),
    (lambda: keras.Sequential([layers.ReLU(), layers.MaxPooling2D(3, 1)]), "pools in windows at stride 2"),
])  # fmt: skip
def test_what_reads_neighbours_in_a_way_of_its_own_is_refused(layer, said):
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, 2, padding="same")(inputs)
    with pytest.raises(BadInput, match=said):
        rewritten("it", keras.Model(inputs, layer()(x)), 1)


# Windows one at a time, since padding is where it goes wrong


def convolved(x, *strided):
    """Strided layers between convolutions that must be dilated behind them."""
    for layer in strided:
        x = layers.Conv2D(4, 3, padding="same")(x)
        for step in layer if isinstance(layer, tuple) else (layer,):
            x = step(x)
    return layers.DepthwiseConv2D(5, padding="same")(layers.Conv2D(4, (1, 3), dilation_rate=2, padding="same")(x))


WINDOWS = {
    "same 3x3": lambda: (layers.Conv2D(4, 3, 2, padding="same"),),
    "same 5x5": lambda: (layers.Conv2D(4, 5, 2, padding="same"),),
    "same 2x2": lambda: (layers.Conv2D(4, 2, 2, padding="same"),),
    "valid 3x3": lambda: (layers.Conv2D(4, 3, 2),),
    "valid 1x1": lambda: (layers.Conv2D(4, 1, 2),),
    "depthwise": lambda: (layers.DepthwiseConv2D(3, 2, padding="same"),),
    "separable": lambda: (layers.SeparableConv2D(4, 3, 2, padding="same"),),
    "padded": lambda: ((layers.ZeroPadding2D(((0, 1), (0, 1))), layers.DepthwiseConv2D(3, 2)),),
    "padded alike": lambda: ((layers.ZeroPadding2D(1), layers.Conv2D(4, 3, 2)),),
    "stride of 4": lambda: (layers.Conv2D(4, 4, 4, padding="same"),),
    "in a sequence": lambda: (keras.Sequential([layers.LayerNormalization(), layers.Conv2D(4, 2, 2)]),),
    "a sequence of two": lambda: (keras.Sequential([layers.Conv2D(4, 3, 2), layers.Conv2D(4, 3, 2, "same")]),),
    "max 2x2": lambda: (layers.MaxPooling2D(),),
    "max 3x3": lambda: (layers.MaxPooling2D(3, 2, padding="same"),),
    "max 3x3 valid": lambda: (layers.MaxPooling2D(3, 2),),
    "max 1x1": lambda: (layers.MaxPooling2D(1, 2), layers.MaxPooling2D(1, 2)),
    "mean 2x2": lambda: (layers.AveragePooling2D(2),),
    "mean 3x3": lambda: (layers.AveragePooling2D(3, 2, padding="same"),),
    "three in a row": lambda: tuple(layers.Conv2D(4, 3, 2, padding="same") for _ in range(3)),
    "two padded": lambda: tuple((layers.ZeroPadding2D(1), layers.Conv2D(4, 3, 2)) for _ in range(2)),
    "a mean, then": lambda: (layers.AveragePooling2D(2), layers.Conv2D(4, 3, 2, padding="same")),
}


@pytest.mark.parametrize("kind", WINDOWS)
def test_windows_stand_where_they_stood(kind):
    for size in ((32, 32), (27, 30)):
        strided, inputs = WINDOWS[kind](), keras.Input((*size, 3))
        model = keras.Model(inputs, convolved(inputs, *strided))
        rate = {
            "max 1x1": 4,
            "three in a row": 8,
            "two padded": 4,
            "a mean, then": 4,
            "a sequence of two": 4,
            "stride of 4": 4,
        }.get(kind, 2)
        assert differs(model, 1, rate) < 1e-3


def test_branches_of_unlike_windows_still_fit_each_other():
    for size in ((32, 32), (27, 30)):
        x = inputs = keras.Input((*size, 3))
        for _ in range(2):
            branches = [
                layers.Conv2D(3, 3, 2, padding="same")(x),
                layers.Conv2D(3, 1, 2)(x),
                layers.Conv2D(3, 3, 2)(layers.ZeroPadding2D(1)(x)),
                layers.MaxPooling2D(1, 2)(x),
            ]
            x = layers.Add()(branches)
        assert differs(keras.Model(inputs, x), 1, 4) < 1e-3


def test_weights_that_were_loaded_are_carried_with_what_keras_computes_from_them():
    """`Normalization` keeps what it computes with beside its weights."""
    inputs = keras.Input((16, 16, 3))
    norm = layers.Normalization()
    model = keras.Model(inputs, layers.Conv2D(4, 3, 2, padding="same")(norm(inputs)))
    norm.load_own_variables({"0": np.full(3, 0.5), "1": np.full(3, 4.0), "2": np.array(1)})
    assert differs(model, 1, 2) < 1e-3
