import keras
import numpy as np
import pytest
from conftest import tiny_data, tiny_trainer

from lab.proof import FrozenMoved, moved
from lab.steps import Phase, Recalibrate, Selection
from lab.train import Diverged


def test_affine_parameters_learn_over_fixed_statistics(trainer):
    parts, before = trainer.net.parts, trainer.net.values()
    trainer.execute(Phase(parts.kind("affine") | parts.new))
    after = trainer.net.values()
    for i, part in enumerate(parts.parts):
        same = before[i].tobytes() == after[i].tobytes()
        assert same == (part.kind not in ("affine",) and not part.new), (i, part)


def test_a_frozen_part_that_moves_fails_the_run(trainer):
    before = trainer.net.values()
    trainer.net.model.weights[0].assign_add(keras.ops.ones(trainer.net.model.weights[0].shape) * 1e-6)
    with pytest.raises(FrozenMoved, match="stage1 moved although"):
        moved(trainer.net, before, trainer.net.parts.new, must=False)


def test_a_trained_part_that_stands_still_fails_the_run(trainer):
    with pytest.raises(FrozenMoved, match="nothing in stage1"):
        moved(trainer.net, trainer.net.values(), trainer.net.parts.all, must=True)


def test_an_empty_selection_is_an_error(trainer):
    with pytest.raises(ValueError, match="selects nothing"):
        trainer.execute(Phase(Selection()))


def test_features_cannot_train_what_comes_before_them(trainer):
    with pytest.raises(ValueError, match="head only"):
        trainer.execute(Phase(trainer.net.parts.all, inputs="features"))


def test_features_give_the_network_that_images_would(tmp_path):
    options = {"augment": "none", "epochs": 4}
    images, cut = tiny_trainer(tmp_path / "a", **options), tiny_trainer(tmp_path / "b", **options)
    images.execute(Phase(images.net.parts.new))
    cut.execute(Phase(cut.net.parts.new, inputs="features"))
    for a, b in zip(images.net.values(), cut.net.values(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_cached_features_are_used_again_and_never_for_other_weights(tmp_path):
    first = tiny_trainer(tmp_path)
    a = first._features(first.data.train)
    files = set((tmp_path / "features").glob("*.npy"))
    assert len(files) == 1
    again = tiny_trainer(tmp_path)
    assert np.array_equal(again._features(again.data.train), a)
    assert set((tmp_path / "features").glob("*.npy")) == files
    for other in (tiny_trainer(tmp_path, seed=1), tiny_trainer(tmp_path, head="maxpool_mlp(4)")):
        other._features(other.data.train)
        assert len(set((tmp_path / "features").glob("*.npy"))) > len(files)
        files = set((tmp_path / "features").glob("*.npy"))


def test_recalibrated_statistics_are_the_plain_mean_over_batches(tmp_path):
    trainer = tiny_trainer(tmp_path, batch_size=12)
    first_norm = next(x for x in trainer.net.body.layers if isinstance(x, keras.layers.BatchNormalization))
    conv = keras.Model(trainer.net.model.inputs, trainer.net.body.layers[1](trainer.net.model.layers[1].output))
    trainer.execute(Recalibrate(trainer.net.parts.all, batches=4))
    from lab.data import train_indices

    means = []
    for b in range(4):
        take = train_indices(48, 12, 0, 10**6, b)
        outputs = conv.predict_on_batch(trainer.data.train.images[take].astype("float32"))
        means.append(outputs.mean(axis=(0, 1, 2)))
    found = keras.ops.convert_to_numpy(first_norm.moving_mean)
    np.testing.assert_allclose(found, np.mean(means, axis=0), rtol=1e-4, atol=1e-5)


def test_momentum_follows_the_number_of_steps_unless_keras_is_asked_for(tmp_path):
    data = tiny_data(each=60)
    for bn, batch, momentum in (("sound", 2, 1 - 10 / 120), ("sound", 48, 0.9), ("keras", 48, 0.99)):
        trainer = tiny_trainer(tmp_path, data, bn=bn, batch_size=batch)
        trainer._compile(trainer.net.model, Phase(trainer.net.parts.all), 1)
        assert [n.momentum for n in trainer.net.norms()] == [pytest.approx(momentum)] * 10


def test_keras_policy_skips_recalibration_and_says_so(tmp_path):
    trainer = tiny_trainer(tmp_path, bn="keras")
    before = trainer.net.values()
    trainer.execute(Recalibrate(trainer.net.parts.all))
    assert trainer.record[-1]["skipped"] == "--bn keras"
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, trainer.net.values(), strict=True))


def test_budget_in_steps_and_in_seconds(tmp_path):
    steps = tiny_trainer(tmp_path, steps=10)
    steps.execute(Phase(steps.net.parts.all, share=0.5))
    assert steps.record[-1]["steps"] == 5
    assert sum(h["steps"] for h in steps.record[-1]["history"][-1:]) == 5
    timed = tiny_trainer(tmp_path, seconds=0.5)
    timed.execute(Phase(timed.net.parts.new))
    row = timed.record[-1]
    assert row["steps"] == max(1, round(0.5 / row["measured_seconds_per_step"]))


def test_the_epoch_of_the_best_validation_score_is_kept(tmp_path):
    trainer = tiny_trainer(tmp_path, epochs=6, learning_rate=5e-3)
    trainer.execute(Phase(trainer.net.parts.all))
    row = trainer.record[-1]
    scores = [h["val_accuracy"] for h in row["history"]]
    assert scores[row["kept_epoch"] - 1] == max(scores)
    assert trainer.score() == pytest.approx(max(scores))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    trainer = tiny_trainer(tmp_path)
    trainer.net.model.weights[0].assign(keras.ops.full(trainer.net.model.weights[0].shape, float("nan")))
    with pytest.raises(Diverged, match="step 1"):
        trainer.execute(Phase(trainer.net.parts.all))


def test_images_are_zoomed_on_the_device_and_kept_small_in_memory(tmp_path):
    from lab import names
    from lab.net import Net

    data = tiny_data(size=16)
    trainer = tiny_trainer(tmp_path, data)
    trainer.net = Net(names.build("backbones", "cnn10(width=4)"), (48, 48, 3), names.build("heads", "linear"), 4)
    batch = trainer.images(data.train.images[:5])
    assert tuple(batch.shape) == (5, 48, 48, 3) and data.train.images.shape[1:] == (16, 16, 3)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(batch).mean(), data.train.images[:5].astype("float32").mean(), rtol=0.01
    )


def test_evaluation_counts_every_example_once(tmp_path):
    trainer = tiny_trainer(tmp_path, batch_size=7)
    result, meter = trainer.evaluate(trainer.data.test)
    assert result["examples"] == len(trainer.data.test) == len(meter.probabilities)
    whole = keras.ops.convert_to_numpy(trainer.net.model(trainer.data.test.images.astype("float32"), training=False))
    assert result["accuracy"] == (whole.argmax(axis=1) == trainer.data.test.labels).mean()


def test_a_seed_still_draws_the_weights_that_recorded_runs_began_with(tmp_path):
    """If this fails, the same choices train differently than in committed records: raise RECIPE in lab/spec.py."""
    net = tiny_trainer(tmp_path, seed=0).net
    drawn = [float(net.values()[i].ravel()[0]) for i in (0, 5, -2)]
    np.testing.assert_allclose(drawn, [0.269621, -0.430252, -0.034501], atol=1e-5)
