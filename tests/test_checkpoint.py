"""A run that is killed after anything it wrote down ends with the very weights of one that was left alone."""

import numpy as np
import pytest
from test_strategies import STRATEGIES, Resolved, made_trainer

from lab import names
from lab.checkpoint import Checkpoint
from lab.execution import drive


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


QUICK = ["finetune", "lora", "knn(k=3)", "frozen_eep"]


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


@pytest.mark.parametrize("options", [{"ema": 0.9, "optimizer": "sgd", "weight_decay": 0.1}, {"patience": 1}])
def test_the_same_with_averages_terms_and_patience(options, tmp_path):
    whole, _ = driven("finetune", tmp_path / "a", epochs=2, **options)
    (tmp_path / "b").mkdir()
    killed, _ = driven("finetune", tmp_path / "b", Deadly, epochs=2, **options)
    same(whole.variables(), killed.variables())


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
