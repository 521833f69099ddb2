"""The mistake that the lab was founded on, made on purpose and named."""

import keras
import numpy as np
from conftest import tiny_data, tiny_trainer

from lab import checks
from lab.steps import Phase


def stale_trainer(tmp_path, momentum):
    trainer = tiny_trainer(tmp_path, tiny_data(each=20), bn="keras", keep="last", epochs=12, learning_rate=5e-3)
    for norm in trainer.net.norms():
        norm.momentum = momentum
    return trainer


def test_stale_statistics_are_foreseen_named_and_mended_without_a_weight(tmp_path):
    trainer = stale_trainer(tmp_path, 0.9999)
    (foreseen,) = checks.before(trainer)
    assert "batch-norm momentum 0.9999" in foreseen["what"]
    trainer.execute(Phase(trainer.net.parts.all))
    test = trainer.evaluate(trainer.data.test)[0]
    before = trainer.net.values()
    (finding,) = checks.after(trainer, checks.trained_accuracy(trainer.record), test)
    assert "batch-norm statistics are stale; recalibrated:" in finding["what"]
    assert finding["train_accuracy"] > 0.8 and finding["test_accuracy"] < 0.5
    assert finding["recalibrated_test_accuracy"] > finding["test_accuracy"] + 0.2
    assert all(np.array_equal(a, b) for a, b in zip(before, trainer.net.values(), strict=True))


def test_sound_statistics_raise_no_alarm(tmp_path):
    trainer = tiny_trainer(tmp_path, tiny_data(each=20), epochs=12, learning_rate=5e-3)
    assert checks.before(trainer) == []
    trainer.execute(Phase(trainer.net.parts.all))
    test = trainer.evaluate(trainer.data.test)[0]
    assert checks.after(trainer, checks.trained_accuracy(trainer.record), test) == []


def test_a_network_without_batch_norm_is_not_suspected(tmp_path):
    keras.utils.set_random_seed(0)
    trainer = tiny_trainer(tmp_path, backbone="cnn10(width=4,norm='none')", bn="keras", steps=1)
    trainer.execute(Phase(trainer.net.parts.all))
    assert checks.before(trainer) == []
    assert checks.after(trainer, 1.0, {"accuracy": 0.0}) == []
