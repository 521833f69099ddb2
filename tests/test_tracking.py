"""Runs told to TensorBoard, Weights & Biases and MLflow, all without a network."""

import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from conftest import TINY

from lab import command, run
from lab.files import digest
from lab.records import store
from lab.runs import tracking

CHOICES = {"strategy": "finetune", "seed": 0}
EPOCHS = [("warm-up", 0, 5, 1.0), ("finetune", 5, 5, 0.8), ("finetune", 5, 10, 0.6)]  # phase, steps before and in it


class Quiet:
    def __init__(self):
        self.seen = []

    def event(self, event):
        self.seen.append(event)


def told(tmp_path, name, record):
    show = Quiet()
    t = tracking.Told(show, tracking.opened([name], tmp_path, "x", "m-s0", CHOICES))
    for phase, before, steps, loss in EPOCHS:
        t.event({"event": "step", "phase": phase, "step": steps, "steps": steps, "loss": 9.0})  # of a batch: not told
        figures = {"score": 0.5, "loss": loss, "val_accuracy": 0.5}
        t.event({"event": "step", "phase": phase, "before": before, "steps": steps, **figures})
    t.end(record)
    assert len(show.seen) == 6  # what is shown is shown as before
    return t.trackers[0]


RECORD = {"test": {"accuracy": 0.7, "per_class": {}, "miou": None}, "cost": {"train_seconds": 3}}


def test_tensorboard_reads_the_figures_at_the_steps_of_all_phases(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told(tmp_path, "tensorboard", RECORD)
    read = EventAccumulator(str(tmp_path / "tracking" / "tensorboard" / "x" / "m-s0"))
    read.Reload()
    assert set(read.Tags()["tensors"]) == {"loss", "val_accuracy", "final/test_accuracy", "cost/train_seconds"}
    assert [e.step for e in read.Tensors("loss")] == [5, 10, 15]
    assert [round(float(e.tensor_proto.float_val[0]), 1) for e in read.Tensors("loss")] == [1.0, 0.8, 0.6]


def test_the_runner_tells_tensorboard_without_tensorflow(tmp_path):
    """Which would take 800 MB beside the run's own process, and would print what it finds on the machine."""
    pytest.importorskip("tensorboard")
    code = (
        "import sys; from pathlib import Path; from lab.runs.tracking import TensorBoard; "
        f"t = TensorBoard(Path({str(tmp_path)!r}), 'x', 'm', {{}}); t.tell(1, {{'loss': 1.0}}); t.close(True); "
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr == "" and list((tmp_path / "x" / "m").glob("events*"))


@pytest.mark.parametrize(("record", "status"), [(RECORD, "FINISHED"), (None, "FAILED")])
def test_mlflow_reads_the_choices_the_figures_and_how_it_ended(tmp_path, record, status, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracker = told(tmp_path, "mlflow", record)
    found = tracker.client.get_run(tracker.run)
    assert found.info.status == status and found.data.params == {"strategy": "finetune", "seed": "0"}
    assert [(m.step, m.value) for m in tracker.client.get_metric_history(tracker.run, "loss")] == [
        (5, 1.0), (10, 0.8), (15, 0.6)
    ]  # fmt: skip
    assert found.data.metrics.get("final/test_accuracy") == (0.7 if record else None)


def test_an_interrupted_run_goes_on_in_the_same_place(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    first, second, other = (told(tmp_path, "mlflow", record) for record in (None, RECORD, RECORD))
    assert first.run == second.run != other.run  # what is finished is not gone on with
    assert first.client.get_run(first.run).info.status == "FINISHED"


def test_wandb_keeps_a_run_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    tracker = told(tmp_path, "wandb", RECORD)
    (kept,) = (tmp_path / "tracking" / "wandb").glob("wandb/offline-run-*/*.wandb")
    assert tracker.run.config["strategy"] == "finetune"
    assert tracker.run.id == digest(["x", "m-s0"])[:16]  # of what is interrupted and goes on, too
    for _ in range(100):  # its own process writes
        if b"final/test_accuracy" in kept.read_bytes():
            return
        time.sleep(0.1)
    raise AssertionError("what was told is not in the file")


@pytest.mark.skipif(not find_spec("tensorboard"), reason="not installed")
def test_a_run_is_told_by_a_flag(tmp_path):
    words = [*TINY, "--strategy", "scratch", "--checks", "none", "--tensorboard", "--out", str(tmp_path)]
    assert command.call(run.main, words) == 0
    name = store.read(tmp_path)[0]["name"]
    assert list((tmp_path / "tracking" / "tensorboard" / "quickstart" / name).glob("events*"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("excel", "--track takes tensorboard, wandb, mlflow; received excel"), ("wandb", "`pip install wandb==")],
)
def test_what_cannot_be_told_is_refused_before_anything_is_done(tmp_path, name, said, monkeypatch, capsys):
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    assert command.call(run.main, [*TINY, "--track", name, "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and not (tmp_path / "results").exists()
