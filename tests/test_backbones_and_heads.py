"""One contract for every backbone and one for every head."""

import keras
import numpy as np
import pytest

from lab import names
from lab.networks.net import Net
from lab.networks.stages import stage_of_layers

QUICK = [
    "ConvNeXtTiny",
    "EfficientNetB0",
    "cnn10",
    "cnn10(width=4,norm='none')",
    "MobileNetV2(alpha=0.35)",
    "MobileNetV3Small(alpha=0.75)",
]
ALL = [n for n in names.listing("backbones") if not names.find("backbones", n).of_tables]  # that: test_columns.py
GIANTS = {"ConvNeXtLarge", "ConvNeXtXLarge", "EfficientNetV2L", "EfficientNetB7", "NASNetLarge", "EfficientNetV2M"}


def holds_contract(text, size):
    backbone, head = names.build("backbones", text), names.build("heads", "linear")
    net = Net(backbone, (size, size, 3), head, 5)
    parts = net.parts
    # every weight in exactly one stage, in an order that the graph allows
    assert len(parts.parts) == len(net.model.weights)
    assert sum(row["values"] for row in net.stages) == net.model.count_params()
    assert [r["stage"] for r in net.stages] == list(parts.stages)
    strides = [r["stride"] for r in net.stages[:-1]]
    assert strides == sorted(set(strides)) and len(strides) >= 4
    assert parts.new == parts.stage("head") and parts.all == parts.source | parts.new
    assert all(parts.stage(stage) for stage in parts.stages)  # something to train in each
    # kinds: what Keras calls non-trainable is statistics or constant, and nothing else is
    fixed = {id(w) for w in net.model.non_trainable_weights}
    for part, weight in zip(parts.parts, net.model.weights, strict=True):
        assert (part.kind in ("statistics", "constant")) == (id(weight) in fixed), weight.path
    logits = net.model.predict_on_batch(np.random.default_rng(0).integers(0, 255, (2, size, size, 3)).astype("float32"))
    assert logits.shape == (2, 5) and np.isfinite(logits).all()
    return net


@pytest.mark.parametrize("text", QUICK)
def test_a_backbone_keeps_its_contract(text):
    holds_contract(text, 32)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in ALL if n not in GIANTS])
def test_every_backbone_keeps_its_contract_and_loads_keras_own_format(name, tmp_path):
    backbone = names.build("backbones", name)
    holds_contract(name, max(backbone.min_size, 64))
    loads_its_file(name, tmp_path)
    keras.backend.clear_session()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(GIANTS))
def test_every_giant_builds_and_splits(name):
    backbone = names.build("backbones", name)
    model = backbone.build((backbone.default_size, backbone.default_size, 3))
    assert len(set(stage_of_layers(model).values())) >= 4
    keras.backend.clear_session()


def loads_its_file(name, tmp_path):
    """Writes the backbone in the layout of Keras Applications' own files, and gets the same features back."""
    from test_weights import write_applications_layout

    from lab.networks import weights
    from lab.networks.load import open_net

    backbone, head = names.build("backbones", name), names.build("heads", "linear")
    size = backbone.default_size
    model = backbone.build((size, size, 3))
    path = tmp_path / "w.h5"
    write_applications_layout(model, path)
    source = weights.find(str(path), backbone, tmp_path)
    net = open_net(backbone, (size, size, 3), head, 3, source, own_top=False)
    for a, b in zip(model.weights, net.body.weights, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))


def test_stages_are_those_of_the_default_size_at_every_size():
    head = names.build("heads", "linear")
    backbone = names.build("backbones", "MobileNetV2(alpha=0.35)")
    small, large = (Net(backbone, (s, s, 3), head, 3) for s in (32, 96))
    assert small.parts == large.parts and len(small.stages) == 6  # five and the head


def test_preprocessing_is_keras_own_and_travels_with_the_backbone():
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    for name, module in (("VGG16", "vgg16"), ("MobileNetV2", "mobilenet_v2"), ("EfficientNetB0", "efficientnet")):
        layer = names.build("backbones", name).preprocess()
        expected = getattr(keras.applications, module).preprocess_input(images.copy())
        np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(images)), expected, atol=1e-4)


def test_grey_images_are_repeated_into_three_bands():
    net = Net(names.build("backbones", "cnn10(width=4)"), (32, 32, 1), names.build("heads", "linear"), 3)
    assert net.body.inputs[0].shape[-1] == 3


def test_the_table_of_backbones_needs_no_keras():
    from lab.backbones.__main__ import row

    rows = [row(names.find("backbones", n)()) for n in ALL]
    assert len(rows) == 43
    assert next(r for r in rows if r[0] == "NASNetMobile")[1:7] == [23, 74.4, 91.9, 5.3, 389, 224]


def test_every_head_is_for_one_task():
    tasks = {name: names.build("heads", name).reads for name in names.listing("heads")}
    assert {n for n, t in tasks.items() if t == "features"} == {"linear", "mlp", "maxpool_mlp"}
    decoders = {"unet", "deeplabv3", "deeplabv3plus", "segnet", "kerascv_segformer", "kerascv_deeplabv3plus"}
    assert {n for n, t in tasks.items() if t == "pyramid"} == decoders


@pytest.mark.parametrize("name", ["linear", "mlp", "maxpool_mlp"])  # of decoders: test_decoders.py
def test_a_classification_head_keeps_its_contract(name):
    head = names.build("heads", name)
    features = keras.Input((3, 3, 7))
    prefix = keras.Model(features, head.prefix(features))
    assert prefix.count_params() == 0
    cut = keras.Input(prefix.output.shape[1:])
    top = keras.Model(cut, head.top(cut, 5))
    assert top.output.shape == (None, 5) and top.count_params() > 0
    logits = top.predict_on_batch(np.full((2, *cut.shape[1:]), 3.0))
    assert not np.allclose(logits.sum(axis=1), 1)  # logits, not probabilities
