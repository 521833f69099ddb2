"""Where a decoder may join a backbone: cut points of its graph, one for each stride, and refusals of all else."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers

from lab import names
from lab.backbones import Backbone
from lab.errors import BadInput
from lab.inputs.bands import Band, nameless
from lab.networks.blueprint import blueprint
from lab.networks.net import Net, to_numpy
from lab.networks.pyramid import cut_points, encoder, layout, taps

pytestmark = pytest.mark.numerics  # see pyproject.toml

MOBILENET = ["block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu", "out_relu"]
VGG = ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3", "block5_pool"]
RESNET = ["conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"]
FROM_2, FROM_1 = [2, 4, 8, 16, 32], [1, 2, 4, 8, 16, 32]
FAMILIES = {  # the smallest of each: the strides of its pyramid, None where it has none
    "Xception": FROM_2, "VGG16": FROM_1, "ResNet50": FROM_2, "ResNet50V2": FROM_2, "InceptionV3": FROM_2,
    "InceptionResNetV2": FROM_2, "MobileNet(alpha=0.25)": FROM_2, "MobileNetV2(alpha=0.35)": FROM_2,
    "MobileNetV3Small(alpha=0.75)": FROM_2, "DenseNet121": FROM_2, "NASNetMobile": None, "EfficientNetB0": FROM_2,
    "EfficientNetV2B0": FROM_2, "ConvNeXtTiny": [4, 8, 16, 32],
}  # fmt: skip


def found(text):
    """(strides, names) of a backbone's pyramid."""
    backbone = names.build("backbones", text)
    model = backbone.build((backbone.default_size, backbone.default_size, 3))
    at = taps(backbone, layout(model), model)
    return list(at), [model.operations[i].name for i in at.values()]


@pytest.mark.parametrize(("text", "strides", "known"), [
    ("cnn10(width=4)", [1, 2, 4, 8, 16], None), ("MobileNetV2(alpha=0.35)", FROM_2, MOBILENET),
    ("VGG16", FROM_1, VGG), ("vgg11_bn", FROM_1, None), ("resnet18", FROM_2, None),
    pytest.param("ResNet50", FROM_2, RESNET, marks=pytest.mark.slow),
])  # fmt: skip
def test_the_pyramid_has_one_tensor_a_stride(text, strides, known):
    assert found(text)[0] == strides
    assert known is None or found(text)[1] == known


@pytest.mark.slow
@pytest.mark.parametrize("text", FAMILIES)
def test_which_families_have_a_pyramid(text):
    if FAMILIES[text] is None:
        with pytest.raises(BadInput, match="cannot have a decoder: at stride 4, 8, 16"):
            found(text)
    else:
        assert found(text)[0] == FAMILIES[text]
    keras.backend.clear_session()


def test_a_cut_point_is_what_no_edge_jumps_over():
    x = inputs = keras.Input((8, 8, 3))
    a = layers.Conv2D(4, 3, padding="same", name="a")(x)
    b = layers.ReLU(name="b")(a)
    c = a + b  # an operation that is no layer
    d, e = layers.ReLU(name="d")(c), layers.ReLU(name="e")(c)
    f = layers.ReLU(name="f")(layers.Add(name="joined")([d, e]))
    model = keras.Model(inputs, layers.Multiply(name="last")([f, f]))
    cut = [model.operations[i].name for i in cut_points(model)]
    assert cut == [inputs._keras_history.operation.name, "a", c._keras_history.operation.name, "joined", "f", "last"]


@dataclass(frozen=True)
class Jumping(Backbone):
    """Cells that read the two before them, as NASNet's, from stride 2 to 16."""

    default_size = 64

    def build(self, shape):
        inputs = keras.Input(shape)
        before = layers.Conv2D(4, 3, 2, padding="same")(inputs)
        x = layers.Conv2D(4, 3, 2, padding="same")(before)
        for _ in range(2):
            both = [layers.Conv2D(4, 3, 2, padding="same")(x), layers.Conv2D(4, 3, 4, padding="same")(before)]
            before, x = x, layers.Add()(both)
        return keras.Model(inputs, layers.ReLU()(x))


@dataclass(frozen=True)
class Growing(Backbone):
    """One that has another layer from 64 px on."""

    default_size = 64

    def build(self, shape):
        x = inputs = keras.Input(shape)
        for _ in range(3 if shape[0] < 64 else 4):
            x = layers.Conv2D(4, 3, 2, padding="same")(x)
        return keras.Model(inputs, x)


def test_a_backbone_whose_branches_jump_over_each_other_is_refused_in_one_line():
    backbone = Jumping()
    model = backbone.build((64, 64, 3))
    with pytest.raises(BadInput, match=r"at stride 4, 8 no tensor .*\(only at 2 and 16\)") as error:
        taps(backbone, layout(model), model)
    assert "\n" not in str(error.value) and "MobileNetV2" in str(error.value)


def test_a_size_at_which_the_backbone_has_other_layers_is_refused():
    backbone = Growing()
    reference = layout(backbone.build((64, 64, 3)))
    assert list(taps(backbone, reference, backbone.build((71, 90, 3)))) == [2, 4, 8, 16]
    with pytest.raises(BadInput, match="other layers at 32 x 48 px"):
        taps(backbone, reference, backbone.build((32, 48, 3)))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (45, 62)])
def test_strides_are_those_of_the_default_size_at_every_size(height, width):
    """At 32 px the last two of MobileNetV2 have one place each way, and still are its strides 16 and 32."""
    backbone = names.build("backbones", "MobileNetV2(alpha=0.35)")
    body = backbone.build((height, width, 3))
    at = taps(backbone, layout(backbone.build((224, 224, 3))), body)
    pyramid = encoder(body, at, 32)
    shapes = [tuple(t.shape[1:3]) for t in pyramid.outputs]
    assert shapes == [(-(-height // s), -(-width // s)) for s in FROM_2]
    images = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype("float32")
    expected = body.predict_on_batch(images)  # by another graph, in which other operations may be joined into one
    np.testing.assert_allclose(pyramid.predict_on_batch(images)[-1], expected, atol=1e-4 * expected.std())
    assert {id(w) for w in pyramid.weights} == {id(w) for w in body.weights}


def test_a_body_brought_to_a_finer_stride_ends_its_pyramid_there():
    backbone = names.build("backbones", "cnn10(width=4)")
    body = backbone.build((32, 48, 3))
    at = taps(backbone, layout(body), body)
    assert [t.shape[1] for t in encoder(body, at, 16).outputs] == [32, 16, 8, 4, 2]
    assert [t.shape[1] for t in encoder(body, at, 8).outputs] == [32, 16, 8, 2]  # the body itself is as it was


@pytest.mark.parametrize("text", ["cnn10(width=4)", "MobileNetV2(alpha=0.35)"])
def test_random_weights_do_not_depend_on_whether_the_backbone_was_built_before(text):
    drawn = []
    for is_known in (False, True, False):
        if not is_known:
            blueprint.cache_clear()
        keras.utils.set_random_seed(5)
        backbone = names.build("backbones", text)
        net = Net(backbone, (32, 32, 3), names.build("heads", "mlp(4)"), 3)
        drawn.append([to_numpy(w) for w in net.model.weights])
    for some in zip(*drawn, strict=True):
        np.testing.assert_array_equal(some[0], some[1])
        np.testing.assert_array_equal(some[0], some[2])


class Listed(Backbone):
    default_size = 64

    def preprocess(self):
        return layers.Rescaling(1 / 255)

    def build(self, shape):
        return keras.Sequential([keras.Input(shape), layers.Conv2D(4, 3, 2, "same"), layers.Conv2D(6, 3, 2, "same")])


@pytest.mark.parametrize(("channels", "head"), [("inflate", "unet(4,4)"), ("side_branch(at=2)", "linear")])
def test_a_backbone_that_is_a_list_of_layers_has_a_pyramid(channels, head):
    bands = (*nameless(3), Band("height", "elevation", None))
    made = names.build("heads", head), names.build("channels", channels)
    net = Net(Listed(), (32, 48, 4), made[0], 3, channels=made[1], bands=bands)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 48, 4)).astype("float32")
    assert net.model.predict_on_batch(images).shape == ((2, 32, 48, 3) if "unet" in head else (2, 3))
    assert [s["stride"] for s in net.stages if s["stage"].startswith("stage")] == [2, 4]
