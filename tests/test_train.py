from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import tiny_data, tiny_trainer

from lab.errors import Diverged
from lab.networks.net import assign
from lab.steps import Phase, Recalibrate, Selection
from lab.training.phase import Training
from lab.training.proof import FrozenMoved, moved
from lab.training.schedules import SCHEDULES

pytestmark = pytest.mark.numerics  # see pyproject.toml


def test_affine_parameters_learn_over_fixed_statistics(trainer):
    parts, before = trainer.net.parts, trainer.net.values()
    trainer.execute(Phase(parts.kind("scale", "shift") | parts.new))
    after = trainer.net.values()
    for i, part in enumerate(parts.parts):
        same = before[i].tobytes() == after[i].tobytes()
        assert same == (part.kind not in ("scale", "shift") and not part.new), (i, part)


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
    a, read = first.features(first.data.train)
    assert not read
    files = set((tmp_path / "features").glob("*.npy"))
    assert len(files) == 1
    again = tiny_trainer(tmp_path)
    b, read = again.features(again.data.train)
    assert read and np.array_equal(a, b)
    assert set((tmp_path / "features").glob("*.npy")) == files
    second = tiny_trainer(tmp_path, head="mlp(8)")
    c, read = second.features(second.data.train)
    assert read and np.array_equal(a, c)  # of another head behind the same pooling
    for other in (tiny_trainer(tmp_path, seed=1), tiny_trainer(tmp_path, head="maxpool_mlp(4)")):
        other.features(other.data.train)
        assert len(set((tmp_path / "features").glob("*.npy"))) > len(files)
        files = set((tmp_path / "features").glob("*.npy"))


def test_what_a_step_on_features_leaves_is_evaluated_on_features_and_another_step_ends_that(tmp_path):
    trainer, cut = tiny_trainer(tmp_path), []
    own = trainer.cut
    trainer.cut = lambda images: cut.append(len(images)) or own(images)
    trainer.execute(Phase(trainer.net.parts.new, inputs="features"))
    splits, computed = trainer.data.splits(), len(cut)
    found = {name: trainer.evaluate(split) for name, split in splits.items()}
    assert len(cut) - computed == -(-len(splits["test"]) // 8)  # the others' features are there
    np.testing.assert_allclose(
        trainer.logits(splits["val"].images), by_images(trainer, splits["val"].images), atol=1e-5
    )
    trainer.reestimate(trainer.net.parts.kind("statistics"), batches=2)
    for name, split in splits.items():
        before = found[name][1].probabilities
        again = trainer.evaluate(split)[1].probabilities
        expected = trainer.task.answered(by_images(trainer, split.images))
        np.testing.assert_allclose(again, expected, atol=1e-5)
        assert not np.allclose(before, again, atol=1e-5)


def by_images(trainer, images):
    return keras.ops.convert_to_numpy(trainer.net.model(trainer.net.sized(images), training=False))


def test_the_same_statistics_are_reestimated_by_what_was_traced_before(trainer):
    statistics = trainer.net.parts.kind("statistics")
    trainer.reestimate(statistics, batches=3)
    forward = trainer.net.once(("training", statistics), lambda: pytest.fail("it was made"))
    first, traced = trainer.net.values(), forward.predict_function
    trainer.execute(Phase(trainer.net.parts.new))
    trainer.reestimate(statistics, batches=3)
    assert forward.predict_function is traced
    for part, a, b in zip(trainer.net.parts.parts, first, trainer.net.values(), strict=True):
        assert part.kind != "statistics" or part.stage == "head" or np.array_equal(a, b)


def test_recalibrated_statistics_are_the_plain_mean_over_batches(tmp_path):
    trainer = tiny_trainer(tmp_path, batch_size=12)
    first_norm = next(x for x in trainer.net.body.layers if isinstance(x, keras.layers.BatchNormalization))
    conv = keras.Model(trainer.net.model.inputs, trainer.net.body.layers[1](trainer.net.model.layers[1].output))
    trainer.execute(Recalibrate(trainer.net.parts.all, batches=4))
    from lab.inputs.data import train_indices

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
        Training(trainer, Phase(trainer.net.parts.all)).compile(1)
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


def test_a_budget_in_steps_is_validated_fifty_times_at_most_and_one_in_epochs_after_each(tmp_path):
    few = tiny_data().few("1", 0)
    steps = tiny_trainer(tmp_path, few, steps=130, batch_size=100)
    epochs = tiny_trainer(tmp_path, few, epochs=60, batch_size=100)
    for trainer in (steps, epochs):
        assert trainer.feed.steps_per_epoch == 1
        trainer.execute(Phase(trainer.net.parts.new, inputs="features"))
    assert [h["steps"] for h in steps.record[-1]["history"]] == [*range(3, 130, 3), 130]
    assert [h["steps"] for h in epochs.record[-1]["history"]] == [*range(1, 61)]


def test_a_phase_that_may_be_undone_is_judged_with_statistics_of_its_own_weights(tmp_path):
    trainer = tiny_trainer(tmp_path, epochs=2, learning_rate=5e-3)
    everything, statistics = trainer.net.parts.all, trainer.net.parts.kind("statistics")
    trainer.execute(Phase(everything, or_before=True))
    assert trainer.record[-1]["kept_epoch"] > 0
    kept = trainer.net.values()
    trainer.reestimate(statistics, batches=100)
    for i in statistics:
        np.testing.assert_allclose(trainer.net.values()[i], kept[i], rtol=1e-4, atol=1e-5)


def test_the_epoch_of_the_best_validation_score_is_kept(tmp_path):
    trainer = tiny_trainer(tmp_path, epochs=6, learning_rate=5e-3)
    trainer.execute(Phase(trainer.net.parts.all))
    row = trainer.record[-1]
    scores = [h["val_accuracy"] for h in row["history"]]
    assert scores[row["kept_epoch"] - 1] == max(scores)
    assert trainer.goodness() == pytest.approx(max(scores))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    trainer = tiny_trainer(tmp_path)
    trainer.net.model.weights[0].assign(keras.ops.full(trainer.net.model.weights[0].shape, float("nan")))
    with pytest.raises(Diverged, match="step 1"):
        trainer.execute(Phase(trainer.net.parts.all))


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize("last", [False, True])
def test_a_diverged_phase_leaves_its_best_weights_or_those_of_before(tmp_path, monkeypatch, epoch, last):
    """Also where the epoch's last step spoilt the weights: no loss shows that."""
    trainer, step = tiny_trainer(tmp_path, keep="last"), Training._step  # so that each is looked at
    steps, before, weights = -(-len(trainer.data.train) // 8), trainer.variables(), trainer.net.model.weights

    def spoilt(self, number, x, y):
        logs = step(self, number, x, y)
        if len(self.history) == epoch - 1 and self.begun["steps"] == (steps - 1 if last else 1):
            weights[0].assign(keras.ops.full(weights[0].shape, float("nan")))
        return logs

    monkeypatch.setattr(Training, "_step", spoilt)
    said = f"the weights became nan .* in epoch {epoch};" if last else f"the loss .* epoch {epoch}, step"
    with pytest.raises(Diverged, match=said):
        trainer.execute(Phase(trainer.net.parts.all))
    left, row = trainer.variables(), trainer.record[-1]
    assert row["kept_epoch"] == (None if epoch == 1 else 1) and len(row["history"]) == epoch - 1 + last
    assert all(np.isfinite(v).all() for v in left)
    assert all(np.array_equal(a, b) for a, b in zip(before, left, strict=True)) == (epoch == 1)
    assert epoch == 1 or trainer.goodness() == pytest.approx(row["history"][0]["val_accuracy"])


def test_images_are_zoomed_on_the_device_and_kept_small_in_memory(tmp_path):
    from lab import names
    from lab.networks.net import Net

    data = tiny_data(size=16)
    trainer = tiny_trainer(tmp_path, data)
    trainer.net = Net(names.build("backbones", "cnn10(width=4)"), (48, 48, 3), names.build("heads", "linear"), 4)
    batch = trainer.net.sized(data.train.images[:5])
    assert tuple(batch.shape) == (5, 48, 48, 3) and data.train.images.shape[1:] == (16, 16, 3)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(batch).mean(), data.train.images[:5].astype("float32").mean(), rtol=0.01
    )


def test_evaluation_counts_every_example_once(tmp_path):
    trainer = tiny_trainer(tmp_path, batch_size=7)
    result, meter = trainer.evaluate(trainer.data.test)
    assert result["examples"] == len(trainer.data.test) == len(meter.probabilities)
    whole = trainer.task.answered(by_images(trainer, trainer.data.test.images))
    np.testing.assert_allclose(meter.probabilities, whole, atol=1e-5)  # in the examples' order
    assert result["accuracy"] == (meter.probabilities.argmax(axis=1) == trainer.data.test.labels).mean()


def test_a_seed_still_draws_the_weights_that_recorded_runs_began_with(tmp_path):
    """If this fails, the same choices train differently than in committed records: raise RECIPE in lab/runs/spec.py."""
    net = tiny_trainer(tmp_path, seed=0).net
    drawn = [float(net.values()[i].ravel()[0]) for i in (0, 5, -2)]
    np.testing.assert_allclose(drawn, [0.331855, 0.380433, 0.161127], atol=1e-5)


@pytest.mark.parametrize("shares", [(1.7,), (0.7, 0.4), (0.5, -0.4), (0.0,)])
def test_phases_take_no_more_than_the_budget(tmp_path, shares):
    trainer = tiny_trainer(tmp_path, epochs=10, augment="none")
    with pytest.raises(ValueError, match="share"):
        for share in shares:
            trainer.execute(Phase(trainer.net.parts.new, share=share))
    assert sum(r.steps for r in trainer.results) <= trainer.steps


# Recipes


@pytest.mark.parametrize(("name", "first", "at_30", "last"), [
    ("cosine", 1.0, 0.79, 0.0), ("onecycle", 0.04, 1.0, 0.0), ("constant", 1.0, 1.0, 1.0),
])  # fmt: skip
def test_a_schedule_goes_where_its_name_says(name, first, at_30, last):
    rate = SCHEDULES[name](1.0, 100)
    assert [rate(0), rate(30), rate(100)] == [pytest.approx(v, abs=0.01) for v in (first, at_30, last)]


@pytest.mark.parametrize(("name", "start", "up"), [("cosine", None, 0), ("warmup", 0.0, 4), ("onecycle", 0.02, 12)])
def test_a_schedule_is_keras_own(name, start, up):
    rising = {} if start is None else {"warmup_target": 0.5, "warmup_steps": up}
    keras_own = keras.optimizers.schedules.CosineDecay(0.5 if start is None else start, 40 - up, **rising)
    ours = SCHEDULES[name](0.5, 40)
    assert [ours(step) for step in range(42)] == [pytest.approx(float(keras_own(step)), abs=1e-6) for step in range(42)]


def test_a_kind_of_step_is_traced_once_and_trains_as_if_it_were_new(tmp_path):
    trainer, found, made = tiny_trainer(tmp_path, steps=8), [], []
    fresh, select = trainer.variables(), trainer.net.parts.new
    for _ in range(3):
        assign(trainer.net.model.variables, fresh)
        trainer.record.append({})
        training = Training(trainer, Phase(select, pull=0.1))
        training.number = 0
        training.compile(4)
        for step, batch in enumerate(training.batches(0, range(4))):
            training._step(step, *batch)
        found.append(trainer.variables())
        made.append(training.fitted.train_function)
    assert made[1:] == made[:1] * 2
    for again in found[1:]:
        for a, b in zip(found[0], again, strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_learns_next_is_traced_for_itself(tmp_path):
    trainer = tiny_trainer(tmp_path, steps=2)
    trainer.execute(Phase(trainer.net.parts.new, share=0.5))
    before = trainer.net.values()
    trainer.execute(Phase(trainer.net.parts.all, share=0.5))  # which proves that all moved
    assert not any(np.array_equal(a, b) for a, b in zip(before, trainer.net.values(), strict=True))


def test_the_average_of_the_weights_is_what_is_kept_and_training_goes_on_without_it(tmp_path):
    """Against the same training by hand: Keras' optimizer without averaging, the average taken here."""
    options = {"epochs": 2, "augment": "none", "keep": "last", "schedule": "constant", "batch_size": 12}
    averaged = tiny_trainer(tmp_path / "a", head="mlp(8)", ema=0.7, **options)
    averaged.execute(Phase(averaged.net.parts.new))
    plain = tiny_trainer(tmp_path / "b", head="mlp(8)", **options)
    phase, net = Phase(plain.net.parts.new), plain.net
    by_hand = Training(plain, phase)
    by_hand.compile(8)
    made, mean = iter(by_hand.batches(0, range(8))), []
    for _ in range(8):
        by_hand.fitted.optimizer.learning_rate = by_hand.rate(0)
        by_hand.fitted.train_on_batch(*next(made))
        now = [keras.ops.convert_to_numpy(v) for v in net.model.trainable_variables]
        mean = [0.7 * m + 0.3 * v for m, v in zip(mean, now, strict=True)] if mean else now
    for a, b in zip(averaged.net.model.trainable_variables, mean, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(a), b, atol=1e-5)


def test_smoothed_targets_are_what_the_loss_sees(tmp_path):
    """One batch at a rate of nearly nothing: the loss is the cross-entropy against targets spread over the classes."""
    trainer = tiny_trainer(tmp_path, label_smoothing=0.2, learning_rate=1e-9, steps=1, augment="none", batch_size=48)
    _, meter = trainer.evaluate(trainer.data.train)
    targets = 0.8 * np.eye(4)[trainer.data.train.labels] + 0.05
    expected = -(targets * np.log(meter.probabilities)).sum(axis=1).mean()
    trainer.execute(Phase(trainer.net.parts.new))
    assert trainer.record[-1]["history"][0]["loss"] == pytest.approx(expected, rel=1e-4)


def test_contrast_makes_a_dark_and_a_bright_image_alike_whatever_else_is_in_the_batch():
    from lab.layers.inputs import Standardize

    pattern = np.random.default_rng(0).random((32, 32, 3))
    images = np.stack([20 + 40 * pattern, 60 + 190 * pattern]).astype("float32")
    dark, bright = keras.ops.convert_to_numpy(Standardize()(images))
    np.testing.assert_allclose(dark, bright, atol=1e-3)
    np.testing.assert_allclose([dark.mean(), dark.std()], [127.5, 63.75], rtol=1e-4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(Standardize()(images[:1]))[0], dark, atol=1e-3)


def test_contrast_does_not_overflow_in_sixteen_bits():
    from lab import names
    from lab.layers.inputs import Standardize
    from lab.networks.net import Net

    images = np.random.default_rng(0).choice([0.0, 255.0], (2, 32, 32, 3)).astype("float32")
    keras.config.set_dtype_policy("mixed_float16")
    try:
        net = Net(
            names.build("backbones", "cnn10(width=4)"), (32, 32, 3), names.build("heads", "linear"), 4, "standardize"
        )
        even = next(layer for layer in net.model.layers if isinstance(layer, Standardize))
    finally:
        keras.config.set_dtype_policy("float32")
    out = keras.ops.convert_to_numpy(even(images))
    np.testing.assert_allclose([out.mean(), out.std()], [127.5, 63.75], rtol=1e-3)
    assert np.isfinite(keras.ops.convert_to_numpy(net.model(images))).all()


def test_a_flat_image_is_not_blown_up():
    from lab.layers.inputs import Standardize

    flat = np.full((1, 8, 8, 3), 30.0, "float32")
    assert np.allclose(keras.ops.convert_to_numpy(Standardize()(flat)), 127.5)


def test_the_test_split_is_watched_only_when_asked_and_changes_nothing(tmp_path):
    watched, plain = tiny_trainer(tmp_path / "a", watch="test"), tiny_trainer(tmp_path / "b")
    for trainer in (watched, plain):
        trainer.execute(Phase(trainer.net.parts.all))
    last = watched.record[-1]["history"][-1]
    assert "test_accuracy" in last and "test_accuracy" not in plain.record[-1]["history"][-1]
    for a, b in zip(watched.net.values(), plain.net.values(), strict=True):
        assert np.array_equal(a, b)


def test_weights_of_classes_make_a_rare_one_count_as_much(tmp_path):
    """At a rate of nearly nothing: a batch's loss is the mean of its examples' losses times their classes' weights."""
    data = tiny_data(classes=2)
    kept = np.flatnonzero((data.train.labels == 0) | (np.arange(len(data.train)) < 6))
    data = replace(data, train=data.train.take(kept))
    counts = np.bincount(data.train.labels)
    trainers = [
        tiny_trainer(tmp_path / b, data, balance=b, learning_rate=1e-9, steps=1, augment="none", batch_size=len(kept))
        for b in ("weights", "none")
    ]
    losses = [t.execute(Phase(t.net.parts.new)).history[0]["loss"] for t in trainers]
    p = trainers[1].evaluate(data.train)[1].probabilities
    each = -np.log(p[np.arange(len(kept)), data.train.labels])
    weights = len(kept) / (2 * counts[data.train.labels])
    assert losses[0] == pytest.approx(float((each * weights).mean()), rel=0.05)
    assert losses[1] == pytest.approx(float(each.mean()), rel=0.05) and counts[0] > counts[1]


def test_patience_ends_a_phase_that_does_not_get_better(tmp_path):
    trainer = tiny_trainer(tmp_path, learning_rate=1e-9, epochs=9, patience=2, bn="keras")
    history = trainer.execute(Phase(trainer.net.parts.new)).history
    scores = [e["val_accuracy"] for e in history]
    assert len(history) - 1 - int(np.argmax(scores)) == 2 and len(history) < 9
    assert trainer.record[-1]["steps"] == history[-1]["steps"]
