import keras
import numpy as np
import pytest

from lab.training.augment import POLICIES, Augment

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 3)).astype("float32")
LABELS = np.eye(4, dtype="float32")[[0, 1, 2, 3, 0, 1]]


def applied(policy, seed=0, phase=0, step=0, bands=3, forbids=frozenset()):
    images = np.resize(PIXELS, (6, 24, 24, bands)).astype("float32")
    out = Augment(policy, bands, forbids)(images, LABELS, seed, phase, step)
    return tuple(map(keras.ops.convert_to_numpy, out))


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
        out = [keras.ops.convert_to_numpy(augment(left, LABELS, 0, 0, s)[0]) for s in range(8)]
        return sum((x[:, :, 14:].mean(axis=(1, 2, 3)) > x[:, :, :10].mean(axis=(1, 2, 3))).sum() for x in out)

    assert brighter_right(frozenset({"horizontal_flip"})) == 0
    assert brighter_right(frozenset()) > 5
