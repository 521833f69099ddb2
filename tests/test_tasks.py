"""One contract for every task, and that a new one is one file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, tiny_data, tiny_masks
from PIL import Image

from lab import names
from lab.errors import BadInput
from lab.inputs.data import Data, Split
from lab.losses import built, canonical
from lab.progress import shown
from lab.report.table import named, reached
from lab.task import Left, kind, of_record
from lab.tasks.regression import Regression

TASKS = names.listing("tasks")
TOY = Path(__file__).parent / "toy" / "one_number.py"


def tiny_numbers(count=12, columns=("length", "width")):
    """Small images whose numbers are of different size."""
    rng = np.random.default_rng(0)

    def split(name):
        labels = rng.normal(size=(count, len(columns))) * [3.0, 700.0][: len(columns)] + 50
        ids = np.array([f"{name}{i}" for i in range(count)])
        return Split(rng.integers(0, 255, (count, 16, 16, 3), "uint8"), labels, ids)

    return Data(split("a"), split("b"), split("c"), numbers=columns, source="a test")


DATA = {"classification": tiny_data, "segmentation": tiny_masks, "regression": tiny_numbers}


@pytest.fixture(params=TASKS)
def made(request):
    """(a task, the data that it was made for)."""
    data = DATA[request.param]()
    return kind(request.param).of(data), data


def raw(task, labels):
    """What a network may give for labels: noise, so that no two answers are alike."""
    shape = (*labels.shape[: 3 if task.reads == "pyramid" else 1], task.outputs)
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def measured(task, split, closely=False):
    labels = np.asarray(split.labels[np.arange(len(split))])
    answers, meter = task.answered(raw(task, labels)), task.meter(closely)
    half = len(labels) // 2
    meter.update(labels[:half], answers[:half])
    meter.update(labels[half:], answers[half:])
    return meter, labels, answers


def test_a_task_says_what_it_begins_with(made):
    task, data = made
    task.check(data)
    assert names.build("heads", task.head).reads == task.reads
    assert (
        kind(task.name).dataset in names.listing("datasets") and names.build("datasets", task.dataset).task == task.name
    )
    assert canonical(task.minimised) == task.minimised and names.build("losses", task.minimised).of == task.labels


def test_targets_have_what_the_network_gives_and_a_loss_that_falls_towards_them(made):
    task, data = made
    labels = np.asarray(data.train.labels[np.arange(len(data.train))])
    targets, outputs = task.encode(labels), raw(task, labels)
    assert len(targets) == len(labels)
    loss = task.loss(task.minimised)
    good = targets if task.labels == "numbers" else 9 * np.eye(task.outputs, dtype="float32")[labels % task.outputs]
    assert float(loss(targets, good.astype("float32"))) < float(loss(targets, outputs))
    assert all(name for name in (m.name for m in task.metrics()))


def test_figures_are_of_all_examples_however_they_come(made):
    task, data = made
    meter, labels, answers = measured(task, data.test)
    whole = task.meter()
    whole.update(labels, answers)
    figures, at_once = meter.result(), whole.result()
    assert figures["examples"] == len(labels) and isinstance(figures["loss"], float)
    assert figures[task.score] == pytest.approx(at_once[task.score]) and json.dumps(figures)
    assert task.goodness(figures) == task.sign * figures[task.score]
    for column in task.columns():
        assert column.figure in (task.meter(closely=True).__class__ and measured(task, data.test, True)[0].result())
    assert task.monitored in figures


def test_what_a_run_leaves_adds_up_to_its_score(made):
    task, data = made
    meters = {name: measured(task, split, name == "test")[0] for name, split in data.splits().items()}
    left = task.left(data, meters)
    assert isinstance(left, Left)
    figure, called, (outcome,) = task.outcomes([left.beside])
    assert outcome.score == pytest.approx(meters["test"].result()[figure], abs=1e-6) and called
    assert len(outcome) == len(data.test) and outcome.sign == task.sign
    better = outcome.each.argmax()  # the best single example beats the score of all
    assert task.sign * outcome.each.max() <= outcome.score if task.sign < 0 else outcome.each[better] >= outcome.score


def test_a_record_brings_the_task_back(made):
    task, data = made
    record = {
        "choices": {"task": task.name}, "data": {"classes": list(data.classes), "numbers": list(data.numbers)},
        "net": {"task": json.loads(json.dumps(task.record()))},
    }  # fmt: skip
    assert of_record(record) == task


def test_the_last_layer_of_an_export_gives_the_answers(made):
    import keras

    task, data = made
    outputs = raw(task, np.asarray(data.test.labels[np.arange(3)]))
    inputs = keras.Input(outputs.shape[1:])
    model = keras.Model(inputs, task.last_layer()(inputs))
    assert model.layers[-1].name == task.answers
    np.testing.assert_allclose(model(outputs), task.answered(outputs), rtol=1e-4, atol=1e-5)
    assert task.compared(task.answered(outputs), task.answered(outputs)) == {"max_difference": 0.0, "agreement": 1.0}


def test_each_mean_of_equal_answers_is_the_answer(made):
    task, data = made
    answers = task.answered(raw(task, np.asarray(data.test.labels[np.arange(4)])))
    for mean in task.means:
        np.testing.assert_allclose(task.averaged(iter([answers, answers]), mean), answers, rtol=1e-4)


def test_rows_have_as_many_cells_as_their_heads(made):
    task, data = made
    answers = task.answered(raw(task, np.asarray(data.test.labels[np.arange(4)])))
    shown = answers.mean(axis=(1, 2)) if task.reads == "pyramid" else answers
    assert all(len(task.row(a)) == len(task.heads()) and task.line(a, 1) for a in shown)
    if task.submits:
        assert all(len(task.submitted(a, named=True)) == len(task.submission("it")) for a in shown)


# Regression


def test_numbers_are_measured_as_scikit_learn_does():
    from sklearn import metrics

    data = tiny_numbers()
    task = Regression.of(data)
    meter, labels, values = measured(task, data.test)
    figures = meter.result()
    assert figures["mae"] == pytest.approx(metrics.mean_absolute_error(labels, values))
    rmse = metrics.root_mean_squared_error(labels, values, multioutput="raw_values")
    assert figures["rmse"] == pytest.approx(rmse.mean()) and figures["r2"] == pytest.approx(
        metrics.r2_score(labels, values)
    )
    assert figures["per_number"]["width"]["rmse"] == pytest.approx(rmse[1])
    targets = task.encode(labels)
    assert task.answered(targets) == pytest.approx(labels, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "own"), [("mse", "MeanSquaredError"), ("mae", "MeanAbsoluteError"), ("huber(delta=0.7)", "Huber")]
)
def test_losses_of_numbers_are_those_of_keras(name, own):
    import keras

    rng = np.random.default_rng(0)
    targets, outputs = rng.normal(size=(2, 40, 1)).astype("float32") * 2
    other = getattr(keras.losses, own)(**({"delta": 0.7} if own == "Huber" else {}))
    assert float(built(name, None)(targets, outputs)) == pytest.approx(float(other(targets, outputs)), rel=1e-5)


def test_a_guess_of_the_mean_has_the_loss_one():
    data = tiny_numbers()
    task = Regression.of(data)
    meter = task.meter()
    meter.update(data.train.labels, np.repeat([task.mean], len(data.train), axis=0))
    assert meter.result()["loss"] == pytest.approx(task.guess(data)) == 1.0


def test_differences_of_numbers_are_in_their_own_unit_and_lower_is_better(tmp_path):
    from lab.comparison.contestants import Contest
    from lab.comparison.verdict import judge
    from lab.report.verdict import contestants, differences

    rng, runs = np.random.default_rng(0), {}
    truth = rng.normal(size=(200, 1)) * 5000
    for name, wrong in (("good", 300.0), ("bad", 900.0)):
        for seed in range(3):
            values = truth + rng.normal(size=truth.shape) * wrong
            record = {
                "experiment": "it", "name": f"{name}-{seed}", "status": "done", "command": "it", "label": None,
                "choices": {"task": "regression", "strategy": name, "seed": seed, "weights": "none"},
                "data": {"splits": {"test": {"digest": "same", "examples": 200}}, "numbers": ["price"], "classes": []},
                "test": {"examples": 200, "mae": float(np.abs(values - truth).mean())},
                "cost": {"train_seconds": 1.0, "train_cpu_seconds": 1.0, "peak_memory_mb": 1.0}, "net": {"trained": 1},
            }  # fmt: skip
            (tmp_path / "results/it").mkdir(parents=True, exist_ok=True)
            np.savez(tmp_path / f"results/it/{name}-{seed}.test.npz", truth=truth, values=values)
            runs.setdefault(name, {})[seed] = record
    (verdict,) = judge(tmp_path, [Contest("strategy", runs)], 500)
    assert list(verdict.reached) == ["good", "bad"] and verdict.sign == -1
    (pair,) = verdict.pairs
    assert (pair.better, pair.worse) == ("good", "bad") and pair.counts and not pair.fractions
    expected = np.mean(verdict.scores("bad")) - np.mean(verdict.scores("good"))
    assert pair.difference.mean == pytest.approx(expected) and 300 < expected < 700
    said = differences(verdict)
    assert "difference" in said and f"+{expected:.3g}" in said and "points" not in said
    assert "good" in contestants(verdict).splitlines()[2]


def test_numbers_that_are_none_are_refused():
    labels, said = Regression.labelled([["1.5"], ["-2"]], ["age"], "it")
    assert labels.tolist() == [[1.5], [-2.0]] and said == {"numbers": ("age",)}
    with pytest.raises(BadInput, match=r"1 of 2 values of age are no numbers up to 1e\+30, the first 'old'"):
        Regression.labelled([["1.5"], ["old"]], ["age"], "it")
    with pytest.raises(BadInput, match=r"1 of 1 values of mass are no numbers up to 1e\+30, the first '2e30'"):
        Regression.labelled([["2e30"]], ["mass"], "it")
    with pytest.raises(BadInput, match="names age twice"):
        Regression.labelled([["1", "1"]], ["age", "age"], "it")
    data = tiny_numbers()
    data.train.labels[:, 0] = 3.0
    with pytest.raises(BadInput, match="length has one value in all training examples"):
        Regression.of(data).check(data)


def test_small_numbers_are_numbers_and_large_ones_are_read(tmp_path):
    data = tiny_numbers()
    for split in data.splits().values():
        split.labels[:] = (split.labels - 50) * 1e-15
    task = Regression.of(data)
    task.check(data)
    assert np.abs(task.encode(data.train.labels).std(axis=0) - 1).max() < 1e-3
    record = {"choices": {"task": "regression"}, "test": {"mae": 1.234567e-5}}
    assert reached([record]) == "0.00001235" and reached([{**record, "test": {"mae": 8.3e29}}]) == "8.3e+29"
    assert shown(1.234567e-5) == "1.235e-05" and shown(0.5) == "0.500" and shown(0.0) == "0.000"


def test_what_is_predicted_of_a_table_is_part_of_its_name():
    """So that runs on other columns of one file do not stand in one table."""
    of = {"data": "t.csv", "limit": None}
    assert named({**of, "dataset": "table(px=32,label='x,y',task='regression')"}) == "t.csv, x,y"
    assert named({**of, "dataset": "csv(target='price')", "limit": 30}) == "t.csv, price (limit 30)"
    assert named({**of, "dataset": "folder"}) == "t.csv"


# Training of another kind


def test_a_step_of_its_own_trains_with_two_optimizers_what_it_selects_and_nothing_else(tmp_path):
    import keras
    from conftest import tiny_trainer

    from lab.networks.net import to_numpy
    from lab.steps import Own, Result, follow
    from lab.training.checkpoint import Checkpoint

    where = {"batch_size": 8, "learning_rate": 0.01, "seed": 0}

    def train(learner):
        model, parts = learner.net.model, learner.net.parts
        stages = [parts.stage(name) - parts.kind("statistics") for name in ("stage1", "head")]
        for number, (select, rate) in enumerate(zip(stages, (0.01, 0.1), strict=True)):
            learner.net.train_only(select)
            model.compile(keras.optimizers.SGD(rate), loss=learner.loss())
            for x, y in learner.feed.batches(number, range(2)):
                model.train_on_batch(x, y)
        learner.record[-1]["optimizers"] = 2
        return Result("own", learner.goodness(), steps=4)

    def plan(parts):
        yield Own(train, parts.stage("stage1", "head") - parts.kind("statistics"))

    trainer = tiny_trainer(tmp_path, **where)
    before = trainer.net.values()
    trainer.checkpoint = Checkpoint(tmp_path, "it", {})
    follow(plan(trainer.net.parts), trainer.execute)
    after = trainer.net.values()
    chosen = trainer.net.parts.stage("stage1", "head") - trainer.net.parts.kind("statistics")
    changed = {i for i, (a, b) in enumerate(zip(before, after, strict=True)) if not np.array_equal(a, b)}
    assert (
        changed <= chosen and changed & trainer.net.parts.stage("stage1") and changed & trainer.net.parts.stage("head")
    )
    again = tiny_trainer(tmp_path, **where)  # a finished step is not done again
    again.checkpoint, again._resumed = trainer.checkpoint, trainer.checkpoint.read("step")
    follow(plan(again.net.parts), again.execute)
    assert all(np.array_equal(a, to_numpy(b)) for a, b in zip(after, again.net.model.weights, strict=True))

    def wrong(parts):
        yield Own(train, parts.stage("head"))

    from lab.training.proof import FrozenMoved

    other = tiny_trainer(tmp_path, **where)
    with pytest.raises(FrozenMoved):
        follow(wrong(other.net.parts), other.execute)


# A new task is one file


def lengths(folder: Path) -> Path:
    """Images with a bright bar and a CSV of how long it is."""
    rng, rows = np.random.default_rng(0), ["path,length"]
    for i in range(60):
        image, length = rng.integers(0, 60, (16, 16, 3), "uint8"), int(rng.integers(2, 16))
        image[6:10, :length] = 220
        Image.fromarray(image).save(folder / f"{i}.png")
        rows.append(f"{i}.png,{length}")
    (folder / "bars.csv").write_text("\n".join(rows) + "\n")
    return folder / "bars.csv"


def test_a_fifth_task_is_one_file_that_is_trained_recorded_compared_and_reported(tmp_path):
    assert len(TOY.read_text().splitlines()) <= 80
    shutil.copytree(ROOT / "lab", tmp_path / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOY, tmp_path / "lab" / "tasks" / TOY.name)
    table = lengths(tmp_path)
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def called(*words):
        done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    words = ["--task", "one_number", "--dataset", str(table), "--target", "length", "--epochs", "2", "--checks", "none"]
    out = called(
        "lab.run", "--strategy", "scratch,finetune", "--backbone", "cnn10(width=4)", "--weights", "none", *words
    )
    assert out.count("test RMSE") == 2
    records = [json.loads(p.read_text()) for p in (tmp_path / "results/quickstart").glob("*.json")]
    assert {r["choices"]["task"] for r in records} == {"one_number"} and all(r["status"] == "done" for r in records)
    assert "MAE" in called("lab.compare", "scratch", "finetune")
    assert "RMSE" in (tmp_path / "README.md").read_text()
    assert "one_number" in called("lab.tasks")
