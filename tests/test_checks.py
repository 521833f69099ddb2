"""The mistake that the lab was founded on, made on purpose and named."""

from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
from conftest import tiny_data, tiny_trainer

from lab import checks, names
from lab.backbones import Backbone
from lab.checks import channels, guessing, images, labels, one_batch, rate, statistics, strides, versions
from lab.networks.load import open_net
from lab.steps import Phase


def stale_trainer(tmp_path, momentum):
    how = {"bn": "keras", "keep": "last", "epochs": 12, "learning_rate": 5e-3, "seed": 1}
    trainer = tiny_trainer(tmp_path, tiny_data(each=20), **how)
    for norm in trainer.net.norms():
        norm.momentum = momentum
    return trainer


def test_stale_statistics_are_foreseen_named_and_mended_without_a_weight(tmp_path):
    trainer = stale_trainer(tmp_path, 0.9999)
    foreseen = statistics.check(trainer)
    assert "batch-norm momentum 0.9999" in foreseen["what"]
    trainer.execute(Phase(trainer.net.parts.all))
    test = trainer.evaluate(trainer.data.test)[0]
    before = trainer.net.values()
    finding = statistics.after(trainer, statistics.reported(trainer.record, "accuracy"), test)
    assert "batch-norm statistics are stale; recalibrated:" in finding["what"]
    assert finding["train_accuracy"] > 0.8 and finding["test_accuracy"] < 0.5
    assert finding["recalibrated_test_accuracy"] > finding["test_accuracy"] + 0.2
    assert all(np.array_equal(a, b) for a, b in zip(before, trainer.net.values(), strict=True))


def test_sound_statistics_raise_no_alarm(tmp_path):
    trainer = tiny_trainer(tmp_path, tiny_data(each=20), epochs=12, learning_rate=5e-3)
    assert statistics.check(trainer) is None
    trainer.execute(Phase(trainer.net.parts.all))
    test = trainer.evaluate(trainer.data.test)[0]
    assert statistics.after(trainer, statistics.reported(trainer.record, "accuracy"), test) is None


def test_a_network_without_batch_norm_is_not_suspected(tmp_path):
    keras.utils.set_random_seed(0)
    trainer = tiny_trainer(tmp_path, backbone="cnn10(width=4,norm='none')", bn="keras", steps=1)
    trainer.execute(Phase(trainer.net.parts.all))
    assert statistics.check(trainer) is None
    assert statistics.after(trainer, 1.0, {"accuracy": 0.0}) is None


@pytest.mark.parametrize(("rate", "found"), [(100.0, True), (3e-3, False)])
def test_a_run_that_ends_worse_than_a_guess_is_named(tmp_path, rate, found):
    """As LoRA at a rate that its backbone's fixed batch norms do not stand: a row of 0.06 that nobody questioned."""
    trainer = tiny_trainer(tmp_path, tiny_data(each=20), epochs=4, learning_rate=rate)
    assert guessing.after(trainer, trainer.evaluate(trainer.data.train)[0]) is None  # nothing was trained yet
    trainer.execute(Phase(trainer.net.parts.all))
    train = trainer.evaluate(trainer.data.train)[0]
    finding = guessing.after(trainer, train)
    assert bool(finding) is found, train
    if found:
        assert "nothing was learnt" in finding["what"] and finding["train_loss"] == train["loss"]
        classes = len(trainer.data.classes)
        assert finding["guess_loss"] == pytest.approx(np.log(classes), rel=0.01)  # as many of each


def changed(data, **changes):
    """The data with the images or the labels of all splits, or of those named, passed through a function."""
    splits = changes.pop("splits", ("train", "val", "test"))
    parts = {n: getattr(data, n) for n in splits}
    return replace(
        data, **{n: replace(s, **{f: change(getattr(s, f)) for f, change in changes.items()}) for n, s in parts.items()}
    )


def test_all_checks_find_nothing_in_sound_data_and_leave_the_training_as_it_would_be(tmp_path):
    data, weights = tiny_data(each=20, size=32), []
    for looked in (True, False):
        trainer = tiny_trainer(tmp_path / str(looked), data, epochs=4, learning_rate=3e-3)
        if looked:
            found = dict(checks.before(trainer, every=True))
            assert len(found) == len(checks.CHECKS) and not any(found.values()), found
        trainer.execute(Phase(trainer.net.parts.all))
        weights.append(trainer.net.values())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_checks_that_train_are_left_out_where_the_budget_is_small(tmp_path):
    short, long = (tiny_trainer(tmp_path / str(n), steps=n) for n in (100, 10_000))
    training = {n for n, (_, steps) in checks.CHECKS.items() if steps}
    assert len(list(checks.before(short))) == len(checks.CHECKS) - len(training)
    assert [what for what, _ in checks.before(long)] == [what for what, _ in checks.CHECKS.values()]


def test_shuffled_labels_are_seen(tmp_path):
    def shuffle(x):
        return np.random.default_rng(1).permutation(x)

    data = tiny_data(each=30)
    found = labels.check(tiny_trainer(tmp_path / "a", changed(data, labels=shuffle, splits=("train",))))
    assert "no more often" in found["what"] and found["right"] < 0.5
    found = labels.check(tiny_trainer(tmp_path / "b", changed(tiny_data(each=30), labels=shuffle, splits=("test",))))
    assert found["what"].startswith("the test labels")


def test_one_example_a_class_says_nothing_of_the_labels(tmp_path):
    assert labels.check(tiny_trainer(tmp_path, tiny_data(classes=40).few("1", 0))) is None


def test_dim_images_are_seen(tmp_path):
    found = images.check(tiny_trainer(tmp_path, changed(tiny_data(), images=lambda x: x // 128)))
    assert "use the values 0 to 1 of 0 to 255" in found["what"]


@dataclass(frozen=True)
class Rescaled(Backbone):
    """Rescales in the model; before it, too, if `twice`."""

    twice: bool = False
    default_size = 16
    min_size = 8

    def preprocess(self):
        return keras.layers.Rescaling(1 / 255 if self.twice else 1.0)

    def build(self, shape):
        inside = [keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3, 2)]
        return keras.Sequential([keras.Input(shape), *inside])


@pytest.mark.parametrize("twice", [False, True])
def test_rescaling_twice_is_seen(tmp_path, twice):
    trainer = tiny_trainer(tmp_path)
    trainer.net = open_net(Rescaled(twice), (16, 16, 3), names.build("heads", "linear"), 4, None, False)
    found = images.check(trainer)
    assert (found is not None) == twice and (not twice or found["deviation"] < 0.01)


@pytest.mark.parametrize("reverse", [False, True])
def test_reversed_channels_are_seen_by_a_pretrained_network(tmp_path, reverse):
    from pathlib import Path

    from lab.networks import weights

    data = names.build("datasets", "emblems(train=4,val=1,test=1)").load(None)
    data = changed(data, images=lambda x: x[..., ::-1]) if reverse else data
    source = weights.find("source", names.build("backbones", "cnn10"), Path())
    trainer = tiny_trainer(tmp_path, data, backbone="cnn10", source=source)
    found = channels.check(trainer)
    assert (found is not None) == reverse and (not reverse or found["reversed"] > found["as_is"] + 0.1)


@pytest.mark.parametrize(("size", "backbone", "said", "do"), [
    (16, "cnn10(width=4)", "are 1 x 1", "--size 32 or more"), (32, "cnn10(width=4)", None, None),
    (40, "cnn10(width=4)", "no multiple of the stride 16", "--size 32 or 48"),
    (48, "MobileNetV2(alpha=0.35)", "no multiple of the stride 32", "--size 64"),
])  # fmt: skip
def test_a_size_that_the_strides_do_not_suit_is_seen(tmp_path, size, backbone, said, do):
    found = strides.check(tiny_trainer(tmp_path, tiny_data(size=size), backbone=backbone))
    assert said in found["what"] and found["do"] == do if said else found is None


def test_a_batch_that_cannot_be_learnt_is_seen(tmp_path):
    grey = changed(tiny_data(), images=lambda x: np.full_like(x, 90) + np.arange(16, dtype="uint8")[:, None, None])
    assert "cannot be learnt by heart" in one_batch.check(tiny_trainer(tmp_path, grey))["what"]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [(20.0, "is above the range"), pytest.param(1e-9, "is far below", marks=pytest.mark.slow), (3e-3, None)],
)
def test_a_learning_rate_out_of_range_is_seen(tmp_path, chosen, said):
    trainer = tiny_trainer(tmp_path, learning_rate=chosen)
    before = trainer.net.values()
    found = rate.check(trainer)
    assert (said in found["what"] and 1e-5 < found["suggested"] < 0.1) if said else found is None
    assert all(np.array_equal(a, b) for a, b in zip(before, trainer.net.values(), strict=True))


def test_another_version_than_was_tested_is_seen(monkeypatch):
    assert versions.pinned()["keras"] == keras.__version__ and versions.check(None) is None
    monkeypatch.setattr(versions, "pinned", lambda: {"keras": "0.1"})
    found = versions.check(None)
    assert f"keras {keras.__version__} (0.1 wanted)" in found["what"] and "pip install keras==" in found["do"]
