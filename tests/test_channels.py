"""One contract for every channel policy: RGB starts as pretrained, other bands train, are saved, and come back."""

from functools import cache

import keras
import numpy as np
import pytest
from conftest import STEP, passes_under_jax

from lab import names
from lab.channels.inflate import read_as
from lab.errors import BadInput
from lab.inputs.bands import Band, nameless
from lab.networks.net import Net, to_numpy
from lab.training.optimizers import Terms, optimizer

POLICIES = [
    "rgb",
    "inflate",
    "inflate(policy='mean')",
    "inflate(policy='zero')",
    "inflate(policy='random')",
    "inflate(policy='tile')",
    "inflate(keep_variance=False)",
    "conv1x1",
    "select",
    "merge",
    "side_branch(at=1)",
    "side_branch(at=2)",
    "side_branch(at=16)",
]
RGB = nameless(3)
EIGHT = tuple(
    Band(name, role, wavelength)
    for name, role, wavelength in (
        ("coastal", "coastal", 443), ("blue", "blue", 490), ("green", "green", 560), ("red", "red", 665),
        ("edge", "red_edge", 705), ("nir", "nir", 842), ("swir", "swir", 1610), ("height", "elevation", None),
    )
)  # fmt: skip
PLACES = [3, 2, 1]  # of red, green and blue among the eight
SIZE = (32, 48)


def net(channels, bands, head="linear", backbone="cnn10(width=4)", size=SIZE):
    keras.utils.set_random_seed(0)
    made = names.build("backbones", backbone)
    return Net(
        made,
        (*size, len(bands)),
        names.build("heads", head),
        3,
        channels=names.build("channels", channels),
        bands=bands,
    )


@cache
def source(backbone="cnn10(width=4)", size=SIZE):
    """(a network on RGB with weights that no initialisation gives, its backbone's arrays); neither is to be changed."""
    plain, rng = net("rgb", RGB, backbone=backbone, size=size), np.random.default_rng(0)
    arrays = [a + np.abs(rng.normal(0, 0.2, a.shape)).astype(a.dtype) for a in plain.halves()[0]]
    plain.start_from(arrays)
    return plain, arrays


def images(bands, size=SIZE, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (2, *size, bands)).astype("float32")


def features(made, x):
    return keras.tree.map_structure(to_numpy, made.features(x, training=False))


def test_the_contract_is_tested_of_every_policy():
    assert {names.build("channels", p).name for p in POLICIES} == set(names.listing("channels"))


@pytest.mark.parametrize("policy", POLICIES)
def test_on_red_green_and_blue_every_policy_starts_as_the_pretrained_network(policy):
    plain, arrays = source()
    made, x = net(policy, RGB), images(3)
    made.start_from(arrays)
    np.testing.assert_allclose(features(made, x), features(plain, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("policy", ["select", "conv1x1", "inflate(policy='zero')", "side_branch(at=2)", "side_branch"])
def test_what_adds_nothing_yet_starts_as_the_pretrained_network_on_eight_bands(policy):
    """Wherever red, green and blue stand, and whatever is in the other bands."""
    plain, arrays = source()
    made, x = net(policy, EIGHT), images(8)
    made.start_from(arrays)
    np.testing.assert_allclose(features(made, x), features(plain, x[..., PLACES]), rtol=1e-5, atol=1e-5)


JOINED = [p for p in POLICIES[1:] if not p.startswith("inflate(")]  # to a decoder one stem is as good as another


@pytest.mark.parametrize(("head", "policy"), [
    *(("linear", p) for p in POLICIES[1:]), *(("unet(4,4,4,4)", p) for p in JOINED),
    *(pytest.param("unet(4,4,4,4)", p, marks=pytest.mark.slow) for p in POLICIES[1:] if p not in JOINED),
])  # fmt: skip
def test_with_eight_bands_it_trains_what_is_new_and_comes_back_from_its_file(policy, head, tmp_path):
    made, (_, arrays) = net(policy, EIGHT, head), source()
    made.start_from(arrays)
    parts, is_adapted = made.parts, policy.split("(")[0] not in ("select", "merge")
    assert bool(parts.new - parts.stage("head")) == is_adapted  # a stem, an adapter or a branch counts as new
    made.train_only(parts.new)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    by = optimizer("adam", 0.01, [Terms()] * len(made.model.trainable_variables))
    by.build(made.model.trainable_variables)  # here, and not in the step that is traced
    made.model.compile(by, loss, **STEP)
    before, rng = made.values(), np.random.default_rng(0)
    targets = rng.integers(0, 3, (2, *SIZE, 1) if "unet" in head else 2)
    for seed in range(2):  # what starts at zero passes no gradient on before its first step
        made.model.train_on_batch(images(8, seed=seed), targets)
    moved = {i for i, (a, b) in enumerate(zip(before, made.values(), strict=True)) if not np.array_equal(a, b)}
    assert moved == parts.new
    made.save(tmp_path / "x.weights.h5")
    again = net(policy, EIGHT, head)
    again.model.load_weights(tmp_path / "x.weights.h5")
    x = images(8)
    np.testing.assert_array_equal(to_numpy(again.model(x)), to_numpy(made.model(x)))


def test_by_role_a_new_band_starts_from_the_colour_nearest_in_wavelength():
    shares = names.build("channels", "inflate").shares(EIGHT)
    colour = dict(zip((b.name for b in EIGHT), shares.tolist(), strict=True))
    assert colour["red"] == colour["edge"] == colour["nir"] == colour["swir"] == [1, 0, 0]
    assert colour["green"] == [0, 1, 0] and colour["blue"] == colour["coastal"] == [0, 0, 1]
    assert colour["height"] == [1 / 3] * 3


@pytest.mark.parametrize("policy", ["role", "mean", "tile", "zero", "random"])
def test_the_variance_of_what_comes_out_is_kept(policy):
    kernel = source()[1][0]
    made = net(f"inflate(policy='{policy}')", EIGHT)
    made.start_from(source()[1])
    new = to_numpy(made.body.weights[0])
    assert new.shape[2] == 8
    np.testing.assert_allclose((new**2).sum((0, 1, 2)), (kernel**2).sum((0, 1, 2)), rtol=1e-4)


def test_tiling_is_by_position_and_zero_leaves_the_new_bands_out():
    kernel = source()[1][0]
    tiled, zero = (net(f"inflate(policy='{p}',keep_variance=False)", EIGHT) for p in ("tile", "zero"))
    for made in (tiled, zero):
        made.start_from(source()[1])
    np.testing.assert_allclose(to_numpy(tiled.body.weights[0]), kernel[:, :, [0, 1, 2, 0, 1, 2, 0, 1]])
    new = to_numpy(zero.body.weights[0])
    np.testing.assert_allclose(new[:, :, PLACES], kernel)
    assert not np.delete(new, PLACES, axis=2).any()


def test_merging_is_a_mean_of_what_is_near():
    layer = names.build("channels", "merge")
    matrix = np.array(layer._matrix(EIGHT))
    assert matrix[:, 0].tolist() == [0, 0, 0, 0.5, 0.5, 0, 0, 0]  # red and red edge; the infrared is out of reach
    assert matrix[:, 1].tolist() == [0, 0, 1, 0, 0, 0, 0, 0] and matrix[:, 2].tolist() == [0.5, 0.5, 0, 0, 0, 0, 0, 0]
    given = names.build("channels", "merge(red='red+nir+nir',blue='blue')")
    assert np.array(given._matrix(EIGHT))[:, 0] == pytest.approx([0, 0, 0, 1 / 3, 0, 2 / 3, 0, 0])
    x = images(8)
    np.testing.assert_allclose(to_numpy(layer.rgb(keras.ops.convert_to_tensor(x), EIGHT)), x @ matrix, rtol=1e-5)


def test_a_triple_takes_the_places_of_red_green_and_blue():
    plain, arrays = source()
    made, x = net("select('nir','red','green')", EIGHT), images(8)
    made.start_from(arrays)
    np.testing.assert_allclose(features(made, x), features(plain, x[..., [5, 3, 2]]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backbone", ["VGG16", "MobileNetV2(alpha=0.35)"])
def test_the_order_and_the_scale_that_weights_expect_are_kept(backbone):
    """VGG16 reads blue, green, red, each less its mean; MobileNetV2 reads -1 to 1."""
    made = names.build("backbones", backbone)
    scale, offset, order = read_as(made)
    x = images(3, (1, 1))
    expected = to_numpy(made.preprocess()(keras.ops.convert_to_tensor(x)))
    np.testing.assert_allclose((x * scale + offset)[..., order], expected, rtol=1e-4, atol=1e-3)
    assert order.tolist() == ([2, 1, 0] if backbone == "VGG16" else [0, 1, 2])


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["VGG16", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny", "DenseNet121"])
@pytest.mark.parametrize("policy", ["inflate(policy='zero')", "conv1x1", "side_branch(at=8)"])
def test_backbones_that_rescale_within_start_alike_on_eight_bands(backbone, policy):
    plain, arrays = source(backbone, (64, 64))
    made, x = net(policy, EIGHT, backbone=backbone, size=(64, 64)), images(8, (64, 64))
    made.start_from(arrays)
    want = features(plain, x[..., PLACES])
    np.testing.assert_allclose(features(made, x), want, rtol=1e-3, atol=1e-3 * np.abs(want).max())


@pytest.mark.slow
def test_policies_hold_under_jax(tmp_path):
    passes_under_jax(tmp_path, "starts_as or comes_back or variance or triple", "test_channels")


@pytest.mark.parametrize(
    ("policy", "bands", "said"),
    [
        ("rgb", EIGHT, "takes 3 bands or 1; received 8"),
        ("select('nir','red')", EIGHT, "takes three bands; received 2"),
        ("select('nir','red','gren')", EIGHT, "'gren': the data have no such band (did you mean green?)"),
        ("select", nameless(5), "not all three are known"),
        ("merge(red='red+infra')", EIGHT, "'infra': the data have no such band"),
        ("merge(red=' ')", EIGHT, "red is made of no band"),
        ("inflate(policy='zero')", nameless(5), "not all known here"),
        ("side_branch", nameless(5), "not all three are known"),
        ("side_branch(at=32)", EIGHT, "has no stride 32; it has 1, 2, 4, 8, 16"),
    ],
)
def test_bands_that_a_policy_cannot_take_are_refused_in_a_line(policy, bands, said):
    with pytest.raises(BadInput) as error:
        net(policy, bands)
    assert said in str(error.value) and "\n" not in str(error.value)
