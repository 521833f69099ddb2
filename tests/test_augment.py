import keras
import numpy as np
import pytest
from conftest import passes_under_jax
from PIL import Image, ImageEnhance, ImageOps

from lab.training import warping
from lab.training.augment import MASKS, POLICIES, Augment
from lab.training.jitter import Jitter, _erased
from lab.training.randaugment import GEOMETRY, TONES, RandAugment

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 3)).astype("float32")
LABELS = np.eye(4, dtype="float32")[[0, 1, 2, 3, 0, 1]]
numpy = keras.ops.convert_to_numpy


def applied(policy, seed=0, phase=0, step=0, bands=3, forbids=frozenset()):
    images = np.resize(PIXELS, (6, 24, 24, bands)).astype("float32")
    return tuple(map(numpy, Augment(policy, bands, forbids)(images, LABELS, seed, phase, step)))


@pytest.mark.parametrize("policy", [*POLICIES, "light+mixup"])
def test_a_policy_is_a_function_of_seed_phase_and_step(policy):
    images, labels = applied(policy, 1, 2, 3)
    again, again_labels = applied(policy, 1, 2, 3)
    assert np.array_equal(images, again) and np.array_equal(labels, again_labels)
    if policy != "none":
        others = [applied(policy, *key)[0] for key in ((2, 2, 3), (1, 3, 3), (1, 2, 4), (9, 9, 9))]
        assert sum(not np.array_equal(images, other) for other in others) >= 3


@pytest.mark.parametrize("bands", [1, 3, 8])
@pytest.mark.parametrize("policy", list(POLICIES))
def test_a_policy_takes_any_number_of_bands(policy, bands):
    images, labels = applied(policy, bands=bands)
    assert images.shape == (6, 24, 24, bands) and labels.shape == LABELS.shape
    assert np.isfinite(images).all() and images.min() >= -1 and images.max() <= 256
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("policy", ["light", "strong", "randaugment"])
def test_each_image_is_drawn_for_itself(policy):
    same = np.repeat(PIXELS[:1], 32, axis=0)
    labels = np.eye(4, dtype="float32")[np.zeros(32, int)]
    changed = numpy(Augment(policy, 3)(same, labels, 0, 0, 0)[0])
    assert len(np.unique(changed.reshape(32, -1), axis=0)) > 24


def test_targets_are_mixed_with_the_images():
    assert np.array_equal(applied("light")[1], LABELS)
    for policy in ("mixup", "cutmix"):
        changed = [not np.array_equal(applied(policy, step=s)[1], LABELS) for s in range(5)]
        assert any(changed), policy


def test_a_forbidden_flip_never_happens():
    left = np.zeros((6, 24, 24, 3), "float32")
    left[:, :, :12] = 200

    def brighter_right(forbids):
        augment = Augment("strong", 3, forbids)
        out = [numpy(augment(left, LABELS, 0, 0, s)[0]) for s in range(8)]
        return sum((x[:, :, 14:].mean(axis=(1, 2, 3)) > x[:, :, :10].mean(axis=(1, 2, 3))).sum() for x in out)

    assert brighter_right(frozenset({"horizontal_flip"})) == 0
    assert brighter_right(frozenset()) > 5


def test_nothing_is_turned_upside_down():
    """A photograph's sky stays up, whatever the data set says of flips."""
    maps = Jitter(2.0, flips=True).draw(np.random.default_rng(0), (500, 20, 30, 3))[0]
    assert (maps[:, 1, 1] > 0).all() and 200 < (maps[:, 0, 0] < 0).sum() < 300


# Moving


def moved_by_scipy(image, to, order):
    """The map takes (x, y), SciPy's (row, column)."""
    from scipy import ndimage

    matrix, offset = to[::-1, [1, 0]], to[::-1, 2]
    bands = [ndimage.affine_transform(image[..., b], matrix, offset, order=order, mode="reflect") for b in range(3)]
    return np.stack(bands, axis=-1)


@pytest.mark.parametrize("shape", [(24, 24), (17, 30)])
def test_an_image_is_resampled_as_scipy_does(shape):
    rng = np.random.default_rng(1)
    images = rng.uniform(0, 255, (5, *shape, 3)).astype("float32")
    maps = Jitter(2.0, flips=True).draw(rng, images.shape)[0]
    ours = numpy(warping.bilinear(images, keras.ops.convert_to_tensor(maps)))
    for image, to, got in zip(images, maps, ours, strict=True):
        np.testing.assert_allclose(got, moved_by_scipy(image, to.astype("float64"), 1), atol=0.05)


def test_masks_keep_their_values_and_go_where_the_image_goes():
    yes = np.zeros((4, 20, 28, 1), "int32")
    yes[:, 5:15, 6:20] = 3
    maps = keras.ops.convert_to_tensor(Jitter(2.0, flips=True).draw(np.random.default_rng(0), yes.shape)[0])
    moved, image = numpy(warping.nearest(yes, maps)), numpy(warping.bilinear(yes.astype("float32"), maps))
    assert moved.dtype == "int32" and set(np.unique(moved)) == {0, 3} and (moved != yes).any()
    assert ((image > 1.5) == (moved > 1.5)).mean() > 0.99


def test_a_map_after_another_is_one_map():
    image = np.add.outer(np.arange(20.0), np.arange(30.0))[None, ..., None].astype("float32")
    first = warping.about_centre(np.array([[[1, 0.1], [0, 1]]]), np.zeros((1, 2)), 20, 30).astype("float32")
    second = warping.about_centre(np.array([[[1, 0], [-0.1, 1]]]), np.array([[1.0, 0.5]]), 20, 30).astype("float32")
    by_two = numpy(warping.bilinear(warping.bilinear(image, first), second))
    by_one = numpy(warping.bilinear(image, warping.after(first, second).astype("float32")))
    np.testing.assert_allclose(by_one[:, 5:15, 7:22], by_two[:, 5:15, 7:22], atol=1e-2)


def test_what_light_draws_is_within_what_it_says():
    maps, brightness, contrast = Jitter(1.0).draw(np.random.default_rng(0), (2000, 100, 50, 3))
    zoom = np.sqrt(np.abs(np.linalg.det(maps[:, :, :2])))
    angle = np.rad2deg(np.arctan2(maps[:, 0, 1], maps[:, 0, 0]))
    middle = maps @ np.array([24.5, 49.5, 1])
    for values, most in (
        (zoom - 1, 0.1), (angle, 10), (middle[:, 0] - 24.5, 4), (middle[:, 1] - 49.5, 8),
        (brightness, 51), (contrast - 1, 0.2),
    ):  # fmt: skip
        assert 0.95 * most < np.abs(values).max() <= most * 1.001 and abs(values.mean()) < 0.1 * most


def test_half_of_the_images_lose_a_patch_of_two_to_fifteen_hundredths():
    *_, corners, _ = Jitter(2.0, erases=True).draw(np.random.default_rng(0), (2000, 100, 100, 3))
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]) / 1e4
    assert 0.46 < (area > 0).mean() < 0.54 and area[area > 0].min() > 0.015 and area.max() < 0.155
    assert corners.min() >= 0 and corners.max() <= 100
    images, colours = np.full((50, 100, 100, 1), 7, "float32"), np.full((50, 1, 1, 1), 200, "float32")
    out = numpy(_erased(*map(keras.ops.convert_to_tensor, (images, corners[:50], colours))))
    np.testing.assert_allclose((out == 200).mean(axis=(1, 2, 3)), area[:50], atol=1e-6)


# RandAugment


PEERS = {  # how Pillow does it, at the strength of the upper sign
    "brightness": lambda image, by: ImageEnhance.Brightness(image).enhance(by),
    "color": lambda image, by: ImageEnhance.Color(image).enhance(by),
    "contrast": lambda image, by: ImageEnhance.Contrast(image).enhance(by),
    "sharpness": lambda image, by: ImageEnhance.Sharpness(image).enhance(by),
    "posterize": lambda image, _: ImageOps.posterize(image, 7),
    "solarize": lambda image, by: ImageOps.solarize(image, by),
    "autocontrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "identity": lambda image, _: image,
}


@pytest.mark.parametrize("name", TONES)
def test_an_operation_is_pillows(name):
    rng = np.random.default_rng(2)
    image = np.clip(rng.normal([90, 120, 140], 30, (40, 32, 3)), 10, 240).astype("uint8")
    do, strengths = TONES[name]
    for strength in strengths:
        ours = numpy(do(keras.ops.convert_to_tensor(image.astype("float32")), strength))
        theirs = np.asarray(PEERS[name](Image.fromarray(image), strength)).astype("float32")
        assert np.abs(ours - theirs).max() <= 1.2, name  # Pillow rounds in between, and cuts


def test_every_operation_is_drawn_as_often_and_of_both_signs():
    policy = RandAugment(3)
    _, kinds, strengths, maps = policy.draw(np.random.default_rng(0), (7000, 30, 40, 3))
    counts = np.bincount(kinds.ravel(), minlength=len(policy.tones) + 1) / kinds.size * 14
    assert len(policy.tones) == 9 and abs(counts[0] - len(GEOMETRY)) < 0.3 and np.abs(counts[1:] - 1).max() < 0.15
    assert np.unique(strengths[kinds == 2]) == pytest.approx([0.73, 1.27])
    assert len(np.unique(maps[kinds == 0].reshape(-1, 6), axis=0)) == 2 * len(GEOMETRY)
    assert len(RandAugment(8).tones) == 8  # colour is of red, green and blue


def test_images_change_by_what_they_were_drawn():
    policy = RandAugment(3)
    maps, kinds, strengths, each = policy.draw(np.random.default_rng(5), PIXELS.shape)
    ours = numpy(policy.change(PIXELS, *map(keras.ops.convert_to_tensor, (maps, kinds, strengths, each))))
    for i, image in enumerate(PIXELS):
        for kind, strength, to in zip(kinds[i], strengths[i], each[i], strict=True):
            one = keras.ops.convert_to_tensor(image)
            moved = warping.bilinear(one[None], to[None])[0]
            image = numpy(moved if kind == 0 else TONES[policy.tones[kind - 1]][0](one, strength))
        np.testing.assert_allclose(ours[i], image, atol=2.1)  # equalizing steps over a rounding


@pytest.mark.parametrize("policy", ["light", "strong", "randaugment"])
@pytest.mark.parametrize("bands", [1, 3, 4, 8])
def test_masks_follow_images_of_any_number_of_bands(policy, bands):
    masks = np.zeros((8, 20, 24, 1), "int32")
    masks[:, 6:14, 6:18] = 1
    images = np.repeat(40 + 150.0 * masks, bands, axis=-1).astype("float32")
    moved, labels = map(numpy, Augment(policy, bands, targets=MASKS)(images, masks, 0, 0, 0))
    assert moved.shape == images.shape and labels.shape == masks.shape and set(np.unique(labels)) <= {0, 1}
    assert (labels != masks).any()


QUICK = "function_of and (none or light or strong or randaugment) or change_by or forbidden or pillows or masks and 8"


@pytest.mark.parametrize("some", [QUICK, pytest.param("not jax", marks=pytest.mark.slow)], ids=["some", "all"])
def test_policies_hold_under_jax(some, tmp_path):
    """Some in the quick tests, since each shape is compiled anew; Keras' MixUp warns there."""
    passes_under_jax(tmp_path, f"({some}) and not mixup and not mixed_with", "test_augment")
