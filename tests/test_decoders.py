"""One contract for every segmentation head, and what is particular to each."""

import re
from functools import cache

import keras
import numpy as np
import pytest
from conftest import STEP
from keras import layers

from lab import names
from lab.errors import BadInput
from lab.heads.deeplabv3 import pooled
from lab.networks.load import open_net, reopen
from lab.networks.net import Net, assign
from lab.networks.weights import Source

HEADS = [
    "unet(8,8,8,4)",
    "unet(8,8,8,4,norm='batch',dropout=0.2)",
    "deeplabv3(width=8)",
    "deeplabv3(output_stride=8,width=8)",
    "deeplabv3plus(width=8)",
    "deeplabv3plus(aspp=False,output_stride=8,width=8,low=4)",
    "segnet",
    "segnet(convolutions=1)",
    "kerascv_segformer(width=8)",
    "kerascv_deeplabv3plus(width=8,low=4)",
]
SIZES = [(32, 48), (33, 46)]
EIGHTH = {HEADS[-1]: (48, 64)}  # takes no size whose coarsest maps are not an eighth of what they join
CLASSES = 5


def decoder(head, size=(33, 46), backbone="cnn10(width=4)"):
    """A network with the decoder, as if it were new."""
    net, values = built(head, EIGHTH.get(head, size), backbone, keras.config.dtype_policy().name)
    net.train_only(net.parts.all)
    assign(net.model.weights, values)
    return net


@cache
def built(head, size, backbone, policy):
    """(a network under the policy that holds, its first values): to build one takes longer than a test of it."""
    keras.utils.set_random_seed(0)
    net = Net(names.build("backbones", backbone), (*size, 3), names.build("heads", head), CLASSES)
    return net, net.values()


def pictures(size, count=4):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *size, 3)).astype("float32"), rng.integers(0, CLASSES, (count, *size, 1))


def given(model, inputs):
    """What a model gives in inference mode, as arrays; not traced, which would take longer than it saves."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(inputs, training=False))


def one_step(net, select):
    """The values before and after a step of gradient descent on the selection."""
    net.train_only(select)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.model.compile(keras.optimizers.SGD(1.0), loss, **STEP)
    before = net.values()
    net.model.train_on_batch(*pictures(net.shape[:2]))
    return before, net.values()


def test_the_contract_is_tested_of_every_decoder():
    every = {n for n in names.listing("heads") if names.build("heads", n).reads == "pyramid"}
    assert {names.build("heads", h).name for h in HEADS} == every


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("head", HEADS)
def test_a_decoder_keeps_its_contract(head, size):
    net = decoder(head, size)
    assert str(net.head) == head
    images, _ = pictures(net.shape[:2])
    logits = given(net.model, images)
    assert logits.shape == (4, *net.shape[:2], CLASSES) and logits.dtype == "float32" and np.isfinite(logits).all()
    assert (
        not np.allclose(logits.sum(axis=-1), 1) and logits.std(axis=(1, 2)).min() > 0
    )  # no probabilities, no constant
    # the cut is before anything new, and the top takes it
    np.testing.assert_allclose(given(net.top, given(net.features, images)), logits, atol=1e-4)
    assert {id(w) for w in net.features.weights} == {id(w) for w in net.body.weights}
    # the backbone's weights have its stages, all others are the head's and new
    parts, body = net.parts, {id(w) for w in net.body.weights}
    assert [p.stage == "head" for p in parts.parts] == [id(w) not in body for w in net.model.weights]
    assert parts.new == parts.stage("head") and parts.all == parts.source | parts.new
    assert sum(row["values"] for row in net.stages) == net.model.count_params()
    assert [row["stage"] for row in net.stages] == ["stage1", "stage2", "stage3", "stage4", "stage5", "head"]


@pytest.mark.parametrize("head", HEADS)
def test_a_gradient_reaches_every_weight_of_a_decoder_and_of_what_it_joins(head):
    """But for biases of KerasCV's that the batch norm behind them takes away again, which rounding alone moves."""
    net = decoder(head)
    before, after = one_step(net, net.parts.all)
    moves = {w.path: np.abs(b - a).max() for a, b, w in zip(before, after, net.model.weights, strict=True)}
    assert {path for path, far in moves.items() if far < 1e-6} == {p for p in moves if re.match(r"linear_\d+/bias", p)}


@pytest.mark.parametrize("head", HEADS[1:6:2] + HEADS[6:7])
def test_only_the_decoder_moves_where_only_it_is_trained(head):
    net = decoder(head)
    before, after = one_step(net, net.parts.new)
    moved = {i for i, (a, b) in enumerate(zip(before, after, strict=True)) if not np.array_equal(a, b)}
    assert moved == net.parts.new


@pytest.mark.parametrize("head", [HEADS[0], HEADS[3], HEADS[5], HEADS[6], *HEADS[-2:]])
def test_logits_are_in_32_bits_under_mixed_precision(head):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        net = decoder(head)
    finally:
        keras.config.set_dtype_policy("float32")
    logits = given(net.model, pictures(net.shape[:2])[0])
    assert logits.dtype == "float32" and np.isfinite(logits).all()
    assert net.body.output.dtype == "float16"


@pytest.mark.parametrize("head", [HEADS[5], pytest.param(HEADS[2], marks=pytest.mark.slow)])
def test_a_classifier_gives_its_backbone_to_a_decoder_whatever_its_output_stride(head, tmp_path):
    """Weights go over in order: what the decoder reads is what the classifier's backbone gives, and more between."""
    size, text = (64, 96), "MobileNetV2(alpha=0.35)"
    backbone, images = names.build("backbones", text), pictures(size)[0]
    keras.utils.set_random_seed(0)
    known = Net(backbone, (*size, 3), names.build("heads", "linear"), 7)
    for norm in known.norms():
        norm.momentum = 0.0
    known.model(images, training=True)  # so that features are not all but nothing
    known.save(tmp_path / "x.weights.h5")
    about = {"head": "linear", "shape": [*size, 3], "outputs": 7}
    source = Source(
        "run", "x", "", tmp_path / "x.weights.h5", {"choices": {"backbone": text}, "data": {}, "net": about}
    )
    net = open_net(backbone, (*size, 3), names.build("heads", head), CLASSES, source, own_top=False)
    assert net.is_carried and net.parts.new == net.parts.stage("head")
    for a, b in zip(known.halves()[0], net.halves()[0], strict=True):
        assert np.array_equal(a, b)
    expected, rate = given(known.body, images / 127.5 - 1), 32 // net.stride
    found = keras.tree.flatten(given(net.features, images))[-1]
    assert found.shape[1:3] == (64 // net.stride, 96 // net.stride) and expected.std(axis=(1, 2)).mean() > 0.1
    np.testing.assert_allclose(found[:, ::rate, ::rate], expected, atol=1e-3 * expected.std())


@pytest.mark.parametrize("head", [HEADS[1], HEADS[5], HEADS[6], HEADS[-2]])
def test_a_saved_decoder_is_opened_again_from_its_record(head, tmp_path):
    net = decoder(head)
    rng = np.random.default_rng(0)
    assign(net.model.weights, [a + rng.uniform(0, 0.1, a.shape).astype(a.dtype) for a in net.values()])
    net.save(tmp_path / "x.weights.h5")
    about = {"head": head, "shape": [33, 46, 3], "outputs": CLASSES}
    record = {"choices": {"backbone": "cnn10(width=4)"}, "name": "x", "data": {}, "net": about}
    again = reopen(record, tmp_path / "x.weights.h5")
    for a, b in zip(net.values(), again.values(), strict=True):
        assert np.array_equal(a, b)
    images = pictures((33, 46))[0]
    np.testing.assert_array_equal(given(again.model, images), given(net.model, images))


def test_grey_images_are_decoded_too():
    net = Net(names.build("backbones", "cnn10(width=4)"), (33, 46, 1), names.build("heads", "segnet"), CLASSES)
    assert given(net.model, np.zeros((1, 33, 46, 1))).shape == (1, 33, 46, CLASSES)


@pytest.mark.parametrize(("backbone", "head", "said"), [
    ("MobileNetV2(alpha=0.35)", "segnet", "does not go from each stride to the next by a 2x2 max pooling alone"),
    ("resnet18", "segnet", "use VGG16, VGG19, vgg11_bn or cnn10, or another head"),
    ("cnn10(width=4)", "deeplabv3(output_stride=32)", "those of .* end at 16; use output_stride=16"),
    ("cnn10(width=4)", "unet(8,8,8)", "is joined 4 times, so give 4 or more"),
    ("vgg11_bn", "deeplabv3plus(output_stride=8)", "pools in windows at stride 16"),
    ("MobileNetV2(alpha=0.35)", "kerascv_deeplabv3plus", "of 10 x 10 and 2 x 2 px .*; use --size 64x64"),
])  # fmt: skip
def test_a_backbone_that_a_decoder_cannot_take_is_refused_in_one_line(backbone, head, said):
    with pytest.raises(BadInput, match=said) as error:
        decoder(head, (40, 40) if head.startswith("kerascv") else (32, 32), backbone)
    assert "\n" not in str(error.value)


# What is particular to each


@pytest.mark.parametrize("backbone", ["vgg11_bn", "cnn10(width=4)", pytest.param("VGG16", marks=pytest.mark.slow)])
def test_segnet_takes_the_encoders_whose_every_stride_is_a_max_pooling(backbone):
    net = decoder("segnet", (45, 62), backbone)
    *switches, last = given(net.features, pictures((45, 62), 2)[0])
    assert [s.shape[1:3] for s in switches[:2]] == [(45, 62), (22, 31)] and last.shape[1:] == net.body.output.shape[1:]
    for s in switches:  # one place of each window
        windows = s[:, : s.shape[1] // 2 * 2, : s.shape[2] // 2 * 2].reshape(
            2, s.shape[1] // 2, 2, s.shape[2] // 2, 2, -1
        )
        assert (windows.sum(axis=(2, 4)) == 1).all() and s.sum() == windows.sum()


def test_deeplab_joins_stride_4_at_every_output_stride():
    for stride in (8, 16):
        net = decoder(f"deeplabv3plus(output_stride={stride},width=8)", (64, 64))
        assert [t.shape[1] for t in net.features.outputs] == [16, 64 // stride]
        assert [row["stride"] for row in net.stages] == [1, 2, 4, 8, stride, None]


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_atrous_pooling_looks_6_12_and_18_places_away_at_stride_16_and_as_many_pixels_at_others(stride):
    keras.utils.set_random_seed(0)
    size = 81
    x = keras.Input((size, size, 1))
    model = keras.Model(x, pooled(x, 32, stride))
    for layer in model.layers:  # without the mean of the image, which reaches everywhere
        if isinstance(layer, layers.Conv2D) and tuple(layer.input.shape[1:3]) == (1, 1):
            layer.kernel.assign(np.zeros(layer.kernel.shape))
    image = np.zeros((2, size, size, 1), "float32")
    image[1, size // 2, size // 2] = 1
    without, touched = given(model, image)
    row = np.flatnonzero((touched != without)[size // 2].any(axis=-1)) - size // 2
    away = [rate * 16 // stride for rate in (6, 12, 18)]
    assert row.tolist() == sorted([0, *away, *(-a for a in away)])


def test_a_unet_with_dropout_is_not_sure_while_it_learns_and_one_with_batch_norm_has_it_only_in_its_head():
    plain, modified = decoder("unet(8,8,8,4)"), decoder("unet(8,8,8,4,norm='batch',dropout=0.5)")
    assert len(modified.norms()) - len(plain.norms()) == 8  # two each time it joins
    cut = [np.random.default_rng(0).normal(size=(2, *t.shape[1:])).astype("float32") for t in plain.top.inputs]
    for net, same in ((plain, True), (modified, False)):
        one, two = (keras.ops.convert_to_numpy(net.top(cut, training=True)) for _ in range(2))
        assert np.array_equal(one, two) == same


@pytest.mark.parametrize("package", ["keras_cv", "tensorflow"])
def test_keras_cvs_decoders_are_refused_where_what_they_need_is_not_installed(package, monkeypatch):
    monkeypatch.setattr("lab.heads._kerascv.find_spec", lambda name: None if name == package else True)
    with pytest.raises(BadInput, match=r"it is not installed: `pip install .*`, or take .* unet") as error:
        decoder("kerascv_segformer(width=12)")  # which no other test has made
    assert "\n" not in str(error.value)


def test_keras_cvs_decoders_give_what_keras_cv_gives():
    """The same weights in keras-cv's own model on the same maps; what the lab took off is its softmax."""
    from keras_cv.models.segmentation import SegFormer

    from lab.heads._kerascv import decoded, stand_in

    keras.utils.set_random_seed(0)
    levels = [keras.Input((32 // s, 32 // s, s + 3)) for s in (1, 2, 4, 8)]
    backbone = stand_in(levels)
    task = SegFormer(backbone, CLASSES, projection_filters=8)
    image = np.random.default_rng(0).uniform(0, 9, (2, 128, 128, 1)).astype("float32")
    probabilities = given(task, image)
    logits = keras.Model(levels, decoded(task, levels))
    maps = given(keras.Model(backbone.input, [backbone.get_layer(f"P{i}").output for i in (2, 3, 4, 5)]), image)
    found = given(logits, maps)
    np.testing.assert_allclose(found, given(task, image), atol=1e-5)
    shares = np.exp(found) / np.exp(found).sum(axis=-1, keepdims=True)
    assert probabilities.std() > 0.01
    np.testing.assert_allclose(shares, probabilities, atol=0.05)  # they enlarge shares, the lab logits
