"""One contract for every strategy, on weights and not on flags: what is frozen stays bit-identical,
batch-norm statistics included; what is trained moves; what is not trained has no gradient."""

from pathlib import Path

import numpy as np
import pytest
from conftest import passes_under_jax, tiny_data, tiny_masks, tiny_trainer

from lab import names
from lab.errors import BadInput
from lab.networks import weights
from lab.networks.load import open_net
from lab.networks.net import Net, to_numpy
from lab.runs.execution import drive
from lab.steps import Adapt, Fit, Match, Phase, Recalibrate
from lab.training.distillation import Distillation
from lab.training.trainer import Trainer

QUICK = ("scratch", "extract")  # the others' learning is a slow test
SLOW_LEARNERS = ("bitfit", "lora", "bn_only", "gradual", "lpft", "surgical")

# each as it is called in the contract; distill needs a run to learn from
TEXTS = {"distill": "distill(run='teacher')", "knn": "knn(k=3)", "logreg_gd": "logreg_gd(l2=0.1)"}
STRATEGIES = [TEXTS.get(n, n) for n in names.listing("strategies")]
TRAINED = [s for s in STRATEGIES if names.build("strategies", s).trains]


class Resolved:
    def __init__(self, strategy):
        self.strategy = strategy


def arrays(net):
    """Every weight by its variable's identity."""
    return {id(w): a for w, a in zip(net.model.weights, net.values(), strict=True)}


def made_trainer(strategy, tmp_path, **options):
    """A trainer of a tiny network as the strategy wants it: its source's own top, a plain head, or a teacher."""
    if strategy.head == "source":
        source = weights.find("source", names.build("backbones", "cnn10"), Path())
        return tiny_trainer(tmp_path, own_top=True, backbone="cnn10", source=source, **options)
    if not strategy.trains:
        return tiny_trainer(tmp_path, **options)
    trainer = tiny_trainer(tmp_path, **{"head": "mlp(8,dropout=0.2)", **options})
    if strategy.teacher:
        teacher = tiny_trainer(tmp_path / "teacher").net
        trainer.teacher = Distillation(teacher, strategy.temperature, strategy.weight).check(trainer.net)
    return trainer


def run(strategy, tmp_path, monkeypatch, **options):
    """Drives a strategy on a tiny network; gives the trainer and, for each step, what it changed."""
    strategy = names.build("strategies", strategy)
    trainer = made_trainer(strategy, tmp_path, **options)
    changes, execute = [], Trainer.execute

    def watched(self, step):
        before = arrays(self.net)
        result = execute(self, step)
        changed = {
            i
            for i, (key, a) in enumerate(arrays(self.net).items())
            if key in before and a.tobytes() != before[key].tobytes()
        }
        changes.append((step, changed))
        return result

    monkeypatch.setattr(Trainer, "execute", watched)
    drive(Resolved(strategy), trainer, lambda event: None)
    return trainer, changes


@pytest.mark.parametrize("name", STRATEGIES)
def test_only_what_a_step_selects_changes_and_all_of_it_does(name, tmp_path, monkeypatch):
    trainer, changes = run(name, tmp_path, monkeypatch)
    parts = trainer.net.parts  # LoRA's matrices are made before anything is trained
    statistics = parts.kind("statistics")
    for step, changed in changes:
        if isinstance(step, Phase):
            assert changed <= step.select
            if step.or_before and not changed:
                continue  # it did not help, and is undone
            assert parts.where(lambda p: p.kind == "kernel") & step.select <= changed
            assert (statistics & step.select) <= changed
        elif isinstance(step, Recalibrate):
            assert changed == statistics & step.select
        elif isinstance(step, Fit):
            assert changed <= parts.stage("head")
        else:
            assert isinstance(step, Match | Adapt) and not changed
    assert [r["step"] for r in trainer.record] == [step.name for step, _ in changes]


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in TRAINED])
def test_a_strategy_that_trains_learns_and_repeats_itself(name, tmp_path, monkeypatch):
    options = {"epochs": 10, "augment": "light", "learning_rate": 5e-3}
    if name == "extract":  # features of random weights take longer, and cost nothing
        options |= {"epochs": 60, "learning_rate": 1e-3}
    if name in SLOW_LEARNERS:  # of random weights, too: little in them learns
        options |= {"epochs": 30, "learning_rate": 2e-3 if name in ("bitfit", "bn_only", "lora") else 2e-2}
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


@pytest.mark.parametrize("name", ["extract", "last", "lora", "lpft"])
def test_a_head_with_batch_norm_works_on_masks(name, tmp_path, monkeypatch):
    """New batch norms train with the head; the source's keep still where their stage does."""
    trainer, _ = run(name, tmp_path, monkeypatch, data=tiny_masks(), head="unet(4,4,4,4,norm='batch')", epochs=1)
    assert trainer.net.parts.new & trainer.net.parts.kind("statistics")


@pytest.mark.parametrize(
    ("strategy", "backbone", "said"),
    [
        ("bn_only", "VGG16", "this one has none; use bitfit, last or lora"),
        ("bn_only", "cnn10(width=4,norm='none')", "this one has none"),
        ("last(stages=9)", "cnn10(width=4)", "trains the last 9 stages, and this backbone has 5"),
        ("surgical(1,7)", "cnn10(width=4)", "has no stage7 to train; it has stage1, stage2"),
    ],
)
def test_a_backbone_that_a_strategy_has_no_use_for_is_refused(strategy, backbone, said):
    made = names.build("backbones", backbone)
    net = open_net(made, (32, 32, 3), names.build("heads", "linear"), 4, None, False)
    with pytest.raises(BadInput) as error:
        list(names.build("strategies", strategy).steps(net.parts))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_layer_decay_shrinks_the_rate_from_stage_to_stage(tmp_path):
    parts = tiny_trainer(tmp_path).net.parts
    phase = next(names.build("strategies", "layer_decay(factor=0.5)").steps(parts))
    assert phase.rates == {"stage5": 0.5, "stage4": 0.25, "stage3": 0.125, "stage2": 0.0625, "stage1": 0.03125}


def test_gradual_undoes_and_ends_with_a_stage_that_does_not_help(tmp_path):
    # without batch norm, whose statistics would move: nothing that an epoch gives is better
    trainer = tiny_trainer(tmp_path, backbone="cnn10(width=4,norm='none')", learning_rate=1e-9)
    before = trainer.net.values()
    drive(Resolved(names.build("strategies", "gradual")), trainer, lambda event: None)
    assert [r["step"] for r in trainer.record] == ["head", "last 1"]
    assert trainer.record[1]["kept_epoch"] == 0
    for i in trainer.net.parts.source:
        assert np.array_equal(trainer.net.values()[i], before[i])


def test_lora_is_in_the_file_as_sums_that_open_in_a_plain_network(tmp_path, monkeypatch):
    trainer, _ = run("lora(rank=2)", tmp_path, monkeypatch, head="linear")
    trainer.net.save(tmp_path / "x.weights.h5")
    plain = tiny_trainer(tmp_path).net
    kernels = {id(w): to_numpy(w) for w in trainer.net._backbone_weights}
    plain.model.load_weights(tmp_path / "x.weights.h5")
    assert len(plain.model.weights) < len(trainer.net.model.weights)
    assert any(
        not np.array_equal(to_numpy(w), k) for w, k in zip(plain._backbone_weights, kernels.values(), strict=True)
    )
    x = trainer.net.sized(trainer.data.test.images)
    np.testing.assert_allclose(to_numpy(plain.model(x)), to_numpy(trainer.net.model(x)), rtol=1e-4, atol=1e-4)


def test_distillation_weighs_labels_and_a_softened_teacher():
    teacher = Net(names.build("backbones", "cnn10(width=4)"), (16, 16, 3), names.build("heads", "linear"), 3)
    how = Distillation(teacher, temperature=2.0, weight=0.25)
    rng = np.random.default_rng(0)
    labels, told, logits = np.eye(3)[[0, 2]], rng.normal(size=(2, 3)), rng.normal(size=(2, 3))

    def log_softmax(z):
        return z - np.log(np.exp(z).sum(axis=1, keepdims=True))

    p = np.exp(log_softmax(told / 2))
    soft = (p * (np.log(p) - log_softmax(logits / 2))).sum(axis=1).mean() * 4
    hard = -(labels * log_softmax(logits)).sum(axis=1).mean()
    import keras

    loss = how.loss(keras.losses.CategoricalCrossentropy(from_logits=True))
    targets = np.concatenate([labels, told], axis=1).astype("float32")
    found = float(loss(keras.ops.convert_to_tensor(targets), keras.ops.convert_to_tensor(logits.astype("float32"))))
    assert found == pytest.approx(0.75 * hard + 0.25 * soft, rel=1e-5)


def test_a_student_of_the_teacher_alone_learns_what_the_teacher_says_and_not_the_labels(tmp_path):
    teacher = tiny_trainer(tmp_path / "a", epochs=15)
    teacher.execute(Phase(teacher.net.parts.all))
    wrong = tiny_data()
    wrong.train.labels[:] = (wrong.train.labels + 1) % 4
    student = tiny_trainer(tmp_path / "b", data=wrong, epochs=15, keep="last")
    student.teacher = Distillation(teacher.net, 2.0, 1.0)
    student.execute(Phase(student.net.parts.all))
    assert student.evaluate(student.data.test)[0]["accuracy"] > 0.6  # by the labels it was given: about 0


def test_a_student_on_masks_is_told_of_pixels(tmp_path):
    teacher = tiny_trainer(tmp_path / "a", data=tiny_masks()).net
    student = tiny_trainer(tmp_path / "b", data=tiny_masks(), epochs=1)
    student.teacher = Distillation(teacher, 2.0, 0.5).check(student.net)
    result = student.execute(Phase(student.net.parts.all))
    assert np.isfinite(result.history[0]["loss"]) and 0 <= result.history[0]["accuracy"] <= 1


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    teacher = tiny_trainer(tmp_path / "a", data=tiny_data(classes=3)).net
    with pytest.raises(BadInput, match="the teacher has 3 classes and 3 channels, the student 4 classes"):
        Distillation(teacher, 2.0, 0.5).check(tiny_trainer(tmp_path / "b").net)


@pytest.mark.slow
def test_strategies_hold_under_jax(tmp_path):
    passes_under_jax(tmp_path, "only_what or masks or file or student", "test_strategies", "test_optimizers")
