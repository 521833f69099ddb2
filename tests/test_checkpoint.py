"""A run that is killed after anything it wrote down ends with the very weights of one that was left alone."""

import os
import signal
from contextlib import suppress

import keras
import numpy as np
import pytest
from conftest import tiny_masks, tiny_trainer
from test_strategies import STRATEGIES, Resolved, made_trainer

from lab import names
from lab.errors import Interrupted
from lab.runs.execution import drive
from lab.steps import Phase
from lab.training.checkpoint import Checkpoint
from lab.training.interruption import held
from lab.training.phase import Training


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the lab catches it."""


class Deadly(Checkpoint):
    """Kills the run after everything that it writes down."""

    def write(self, name, about, **arrays):
        super().write(name, about, **arrays)
        raise Killed


def driven(text, tmp_path, kind=None, **options):
    """A trainer that a strategy was driven on; with a `kind` of checkpoint, as often as it takes."""
    strategy, deaths = names.build("strategies", text), 0
    while True:
        trainer = made_trainer(strategy, tmp_path, **options)
        if kind:
            trainer.checkpoint = kind(tmp_path, "run", {"digest": "x"})
            trainer._resumed = trainer.checkpoint.read("step")
        try:
            drive(Resolved(strategy), trainer, lambda event: None)
            return trainer, deaths
        except Killed:
            deaths += 1


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.tobytes() == b.tobytes()


QUICK = ["lpft", "knn(k=3)"]


@pytest.mark.parametrize("text", [t if t in QUICK else pytest.param(t, marks=pytest.mark.slow) for t in STRATEGIES])
def test_killed_after_each_step_and_epoch_it_ends_with_the_same_weights(text, tmp_path):
    options = {"epochs": 2, "augment": "light"}
    whole, _ = driven(text, tmp_path / "a", **options)
    (tmp_path / "b").mkdir()
    killed, deaths = driven(text, tmp_path / "b", Deadly, **options)
    steps = [r["step"] for r in whole.record]
    assert deaths >= len(steps) and [r["step"] for r in killed.record] == steps
    same(whole.variables(), killed.variables())
    split = whole.data.test
    assert whole.evaluate(split)[0] == killed.evaluate(split)[0]
    for one, other in zip(whole.record, killed.record, strict=True):
        assert one.get("kept_epoch") == other.get("kept_epoch")
        assert [h["steps"] for h in one.get("history", [])] == [h["steps"] for h in other.get("history", [])]
        assert one["moved"] == other["moved"]


@pytest.mark.parametrize(
    "options",
    [
        {"ema": 0.9, "optimizer": "sgd", "weight_decay": 0.1, "augment": "light", "checkpoint_every": 2, "parts": 2},
        pytest.param({"patience": 1, "checkpoint_every": 1}, marks=pytest.mark.slow),
    ],
)
def test_the_same_within_an_epoch_and_with_averages_terms_patience_and_parts(options, tmp_path):
    options = {"epochs": 2, "batch_size": 16, **options}
    whole, _ = driven("scratch", tmp_path / "a", **options)
    (tmp_path / "b").mkdir()
    killed, deaths = driven("scratch", tmp_path / "b", Deadly, **options)
    steps = whole.record[0]["steps"]
    assert deaths >= steps // options["checkpoint_every"]
    same(whole.variables(), killed.variables())
    one, other = (t.record[0]["history"] for t in (whole, killed))
    assert [{**h, "seconds": 0} for h in one] == [{**h, "seconds": 0} for h in other]  # means over whole epochs


def test_a_signal_ends_training_between_two_steps_and_nothing_is_lost(tmp_path):
    options = {"epochs": 2, "batch_size": 24}
    whole, _ = driven("scratch", tmp_path / "a", **options)
    (tmp_path / "b").mkdir()
    signal.signal(signal.SIGTERM, lambda *_: pytest.fail("raised in the middle of a step"))
    ends = []
    for _ in range(100):
        trainer = made_trainer(names.build("strategies", "scratch"), tmp_path / "b", **options)
        trainer.checkpoint = Checkpoint(tmp_path / "b", "run", {"digest": "x"})
        trainer._resumed = trainer.checkpoint.read("step")
        taken = []

        def step(self, number, x, y, taken=taken, own=Training._step):
            taken.append(own(self, number, x, y))
            os.kill(os.getpid(), signal.SIGTERM)  # comes when the weights have moved, and nothing is written down
            return taken[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Training, "_step", step)
            try:
                drive(Resolved(names.build("strategies", "scratch")), trainer, lambda event: None)
                break
            except Interrupted:
                ends.append(len(taken))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert set(ends) == {1} and len(ends) == whole.record[0]["steps"]
    same(whole.variables(), trainer.variables())


def test_a_signal_is_answered_while_a_step_is_traced_and_no_weight_has_moved(tmp_path, monkeypatch):
    def killed(*_):
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("it went on tracing")

    trainer = tiny_trainer(tmp_path)
    before = trainer.variables()
    monkeypatch.setattr(keras.Model, "train_step", killed)
    with pytest.raises(Interrupted):
        trainer.execute(Phase(trainer.net.parts.all))
    assert trainer.record[-1]["history"] == [] and trainer.record[-1]["interrupted"]
    same(before, trainer.variables())


@pytest.mark.parametrize("error", [None, SystemError("out of C++")])
def test_a_signal_is_not_lost_where_its_exception_is(error):
    """In the end of an object Python drops it, on its way through C++ it may become another."""
    tries = []

    def dropping():
        tries.append(1)
        return True

    with pytest.raises(Interrupted), held(unless=dropping):
        with suppress(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)
        if error:
            raise error
        with suppress(Interrupted):
            signal.pause()
    assert len(tries) == (1 if error else 2)


@pytest.mark.parametrize("masks", [False, True], ids=["images", "features of masks"])
def test_a_batch_in_parts_learns_what_a_whole_one_does(tmp_path, masks):
    """Where there is no batch norm: gradients are the mean of the parts' gradients."""
    options = {"data": tiny_masks(), "head": "unet(4,4,4,4,norm='none')"} if masks else {}
    made = [
        tiny_trainer(tmp_path, backbone="cnn10(width=4,norm='none')", epochs=2, parts=n, optimizer="sgd", **options)
        for n in (1, 4)
    ]
    for trainer in made:
        parts = trainer.net.parts
        trainer.execute(Phase(parts.stage("head"), inputs="features") if masks else Phase(parts.all))
    for a, b in zip(*(t.variables() for t in made), strict=True):
        assert np.allclose(a, b, atol=1e-5)
    one, other = (t.record[0]["history"][-1] for t in made)
    assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)


def test_what_another_run_left_or_a_crash_damaged_is_not_used(tmp_path):
    mine = Checkpoint(tmp_path, "run", {"digest": "a", "versions": {"keras": "3"}})
    mine.write("step", {"results": []}, variables=[np.arange(3)])
    about, arrays = mine.read("step")
    assert about == {"results": []} and arrays["variables"][0].tolist() == [0, 1, 2]
    assert Checkpoint(tmp_path, "run", {"digest": "a", "versions": {"keras": "4"}}).read("step") is None
    assert mine.read("epoch") is None
    mine.path("epoch").write_bytes(mine.path("step").read_bytes()[:-40])
    assert mine.read("epoch") is None
    mine.remove()
    assert list(tmp_path.iterdir()) == []
