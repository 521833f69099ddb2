"""One contract for every strategy, on weights and not on flags: what is frozen stays bit-identical,
batch-norm statistics included; what is trained moves; what is not trained has no gradient."""

from pathlib import Path

import numpy as np
import pytest
from conftest import tiny_trainer

from lab import names, weights
from lab.child import drive
from lab.steps import Match, Phase, Recalibrate
from lab.train import Trainer

STRATEGIES = names.listing("strategies")


class Resolved:
    def __init__(self, strategy):
        self.strategy = strategy


def run(strategy, tmp_path, monkeypatch, **options):
    """Drives a strategy on a tiny network; gives the trainer and, for each step, what it changed."""
    strategy = names.build("strategies", strategy)
    if strategy.head == "source":
        backbone = names.build("backbones", "cnn10")
        source = weights.find("source", backbone, Path())
        trainer = tiny_trainer(tmp_path, own_top=True, backbone="cnn10", source=source, **options)
    else:
        trainer = tiny_trainer(tmp_path, head="mlp(8,dropout=0.2)", **options)
    changes, execute = [], Trainer.execute

    def watched(self, step):
        before = self.net.values()
        result = execute(self, step)
        after = self.net.values()
        changed = {i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a.tobytes() != b.tobytes()}
        changes.append((step, changed))
        return result

    monkeypatch.setattr(Trainer, "execute", watched)
    drive(Resolved(strategy), trainer, lambda event: None)
    return trainer, changes


@pytest.mark.parametrize("name", STRATEGIES)
def test_only_what_a_step_selects_changes_and_all_of_it_does(name, tmp_path, monkeypatch):
    trainer, changes = run(name, tmp_path, monkeypatch)
    parts = trainer.net.parts
    statistics = parts.kind("statistics")
    for step, changed in changes:
        if isinstance(step, Phase):
            assert changed <= step.select
            assert parts.where(lambda p: p.kind == "kernel") & step.select <= changed
            assert (statistics & step.select) <= changed
        elif isinstance(step, Recalibrate):
            assert changed == statistics & step.select
        else:
            assert isinstance(step, Match) and not changed
    assert [r["step"] for r in trainer.record] == [step.name for step, _ in changes]


@pytest.mark.parametrize("name", [n for n in STRATEGIES if names.build("strategies", n).trains])
def test_a_strategy_that_trains_learns_and_repeats_itself(name, tmp_path, monkeypatch):
    options = {"epochs": 10, "augment": "light", "learning_rate": 5e-3}
    if name == "extract":  # features of random weights take longer, and cost nothing
        options |= {"epochs": 60, "learning_rate": 1e-3}
    first, _ = run(name, tmp_path / "a", monkeypatch, **options)
    monkeypatch.undo()
    again, _ = run(name, tmp_path / "b", monkeypatch, **options)
    assert first.evaluate(first.data.train)[0]["accuracy"] > 0.4  # four classes: chance is 0.25
    for a, b in zip(first.net.values(), again.net.values(), strict=True):
        assert np.array_equal(a, b)


def test_a_head_trained_through_the_frozen_backbone_is_the_one_trained_on_its_features(tmp_path, monkeypatch):
    """`extract` is a short cut, not another method: image by image or from the cache, the same head to rounding."""
    options = {"epochs": 5, "augment": "none"}
    cached, _ = run("extract", tmp_path / "a", monkeypatch, **options)
    monkeypatch.undo()
    through, _ = run("extract(cache=False)", tmp_path / "b", monkeypatch, **options)
    assert cached.record[0]["inputs"] == "features" and through.record[0]["inputs"] == "images"
    for a, b in zip(cached.net.values(), through.net.values(), strict=True):
        np.testing.assert_allclose(a, b, atol=5e-3)


def test_frozen_reads_label_i_off_output_i(tmp_path, monkeypatch):
    trainer, _ = run("frozen", tmp_path, monkeypatch)
    result, meter = trainer.evaluate(trainer.data.test)
    assert meter.probabilities.shape[1] == 72
    guesses = meter.probabilities.argmax(axis=1)
    assert result["accuracy"] == (guesses == trainer.data.test.labels).mean()


def test_frozen_eep_is_the_counted_posterior(tmp_path, monkeypatch):
    plain, _ = run("frozen", tmp_path, monkeypatch)
    theta = plain.evaluate(plain.data.train)[1].probabilities
    joint = np.array([theta[plain.data.train.labels == y].sum(axis=0) for y in range(4)]).T / len(theta)
    expected = plain.evaluate(plain.data.test)[1].probabilities @ (joint / joint.sum(axis=1, keepdims=True))
    monkeypatch.undo()
    matched, _ = run("frozen_eep", tmp_path, monkeypatch)
    found = matched.evaluate(matched.data.test)[1].probabilities
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
