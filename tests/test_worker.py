"""One process does a run after another of the same network and data; nothing leaks from one to the next."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest

from lab.records import store
from lab.runs import process, runner
from lab.runs.execution import execute
from lab.runs.kept import Kept
from lab.runs.process import order_of
from lab.runs.spec import Run, resolve

SMALL = Run(strategy="scratch", backbone="cnn10(width=4)", dataset="digits", limit=60, size=16, epochs=2, checks="none")
SAME = ("train", "val", "test", "findings")
OTHERS = {  # each is done after the one before it, by what that left
    "alone": {},
    "other steps of the same network, all checks": {
        "strategy": "finetune", "weights": "none", "augment": "light+mixup", "learning_rate": "auto", "checks": "all",
    },
    "another seed and optimizer, averaged and decaying weights, classes weighed": {
        "seed": 1, "ema": 0.9, "optimizer": "sgd", "schedule": "onecycle", "weight_decay": 0.01, "balance": "weights",
    },
    "matrices of low rank": {"strategy": "lora(rank=2)", "weights": "none"},
    "fewer examples": {"shots": "3", "seed": 2},
}  # fmt: skip


def done(run, root, kept=None):
    """(what a run's record says that does not depend on time, its test predictions)."""
    resolved = resolve(run, root)
    store.prepare(root, "x")
    said = execute(resolved, order_of(run, root, "x", "run"), lambda event: None, kept)
    steps = [{k: v for k, v in s.items() if k not in ("seconds", "features")} for s in said["steps"]]
    for step in steps:
        step["history"] = [{k: v for k, v in h.items() if k != "seconds"} for h in step.get("history", [])]
    with np.load(root / "results" / "x" / f"{resolved.stem}.test.npz") as file:
        return {**{k: said[k] for k in SAME}, "steps": steps, "net": said["net"]}, dict(file)


def alone(work, *given):
    """Has it done in a process of its own: what makes a run repeatable is set before TensorFlow's first operation."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(work, *given).result()


def test_a_run_gives_to_the_bit_what_it_gives_alone_whatever_was_done_before_it(tmp_path):
    alone(one_after_the_other, tmp_path)


def one_after_the_other(tmp_path):
    kept = Kept()
    for i, change in enumerate(OTHERS.values()):
        run = replace(SMALL, **change)
        (said, answers), (wanted, expected) = done(run, tmp_path / f"{i}", kept), done(run, tmp_path / f"{i} alone")
        assert said == wanted, change
        assert all(np.array_equal(answers[k], expected[k]) for k in expected)
        kept.runs += 1


def test_what_is_alike_is_read_and_traced_once_and_what_is_not_is_made_anew(tmp_path):
    alone(alike_and_not, tmp_path)


def alike_and_not(tmp_path):
    kept, nets, read = Kept(), [], []
    for change in ({}, {"seed": 1}, {"head": "mlp(4)"}, {"head": "mlp(4)", "limit": 80}):
        done(replace(SMALL, **change), tmp_path, kept)
        nets.append(kept._net)
        read.append(kept._data[1])
    assert nets[0] is nets[1] and nets[1] is not nets[2] and nets[2] is nets[3]
    assert read[0] is read[1] is read[2] and read[2] is not read[3]


def test_a_killed_process_costs_its_own_run_and_the_next_gets_a_fresh_one(tmp_path, monkeypatch):
    own, alive, warm, early = process.Worker.do, [], [], None

    class Killing:
        """Kills the process in the middle of the second run."""

        say = print

        def event(self, it):
            if "val_loss" in it:
                os.kill(alive[-1], signal.SIGKILL)

    def do(worker, order, show, log, kind):
        nonlocal early
        warm.append(worker.is_warm)
        early = early or worker.process.pid
        ready = worker._ready(kind, log)
        alive.append(ready.pid)
        return own(worker, order, Killing() if order["run"]["seed"] == 1 else show, log, kind)

    monkeypatch.setattr(process.Worker, "do", do)
    runs = [replace(SMALL, seed=seed) for seed in range(4)]
    assert runner.run_all(runs, "x", tmp_path, "it") == 1
    records = sorted(store.read(tmp_path), key=lambda r: r["choices"]["seed"])
    assert [r["status"] for r in records] == ["done", "failed", "done", "done"] and "SIGKILL" in records[1]["error"]
    assert warm == [False, True, False, True] and early == alive[0] == alive[1] != alive[2] == alive[3]
    assert [r.get("runs_before") for r in records] == [None, None, None, 1]
    assert not os.path.exists(f"/proc/{alive[-1]}")


def test_a_process_that_was_started_early_and_gets_no_order_is_killed():
    with process.Worker() as worker:
        worker.start()
        idle = worker.process
    assert idle.returncode == -signal.SIGKILL


def test_none_is_started_where_every_run_has_a_record(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(process.Worker, "start", lambda worker: started.append(worker))
    monkeypatch.setattr(process.Worker, "do", lambda *_: (1, {"error": "none"}))
    for _ in range(2):
        assert runner.run_all([SMALL], "x", tmp_path, "it") == 1
    assert len(started) == 1


def test_what_another_process_leaves_half_written_while_runs_are_done_is_cleared_away_at_their_end(
    tmp_path, monkeypatch
):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    begun = store.cache(tmp_path, "x") / f"part{other.pid}.weights.h5"

    def do(*_):
        assert begun.exists()  # its process still lived when this one began
        other.kill()
        other.communicate()
        return 1, {"error": "none"}

    monkeypatch.setattr(process.Worker, "do", do)
    begun.parent.mkdir(parents=True)
    begun.write_bytes(b"")
    assert runner.run_all([SMALL], "x", tmp_path, "it") == 1
    assert not begun.exists()


def test_where_keras_cannot_be_imported_the_log_of_the_run_says_why(tmp_path, monkeypatch):
    (tmp_path / "keras.py").write_text("raise ImportError('no such processor')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(process, "BASE", f"{tmp_path}{os.pathsep}{process.BASE}")
    assert runner.run_all([SMALL], "x", tmp_path / "out", "it") == 1
    assert "no such processor" in next((tmp_path / "out").rglob("*.log")).read_text()


def test_where_memory_does_not_suffice_beside_what_is_kept_a_fresh_process_is_tried_first(tmp_path, monkeypatch):
    asked = []

    def do(worker, order, show, log, kind):
        asked.append((worker.is_warm, order["parts"]))
        if worker.is_warm:
            worker.is_warm = False
            return process.NO_MEMORY, {}
        return 1, {"error": "something else"}

    monkeypatch.setattr(process.Worker, "do", do)
    worker = process.Worker()
    worker.is_warm = True
    assert runner.train(resolve(SMALL, tmp_path), tmp_path, "x", None, worker)[0] == 1
    assert asked == [(True, 1), (False, 1)]


@pytest.mark.parametrize(("change", "same"), [({"seed": 1}, True), ({"strategy": "lora"}, True), ({"epochs": 9}, True),
    ({"size": 24}, False), ({"limit": 70}, False), ({"precision": "mixed_bfloat16"}, False),
    ({"backbone": "cnn10(width=8)"}, False)])  # fmt: skip
def test_runs_share_a_process_that_need_the_same_data_and_network(change, same, tmp_path):
    one, other = (resolve(run, tmp_path) for run in (SMALL, replace(SMALL, weights="none", **change)))
    assert (runner.alike(one) == runner.alike(other)) == same


def test_runs_that_share_a_process_are_done_together_and_else_in_the_order_that_is_asked_for(tmp_path):
    asked = [replace(SMALL, size=size, seed=seed, name=f"{seed} at {size}") for seed in (2, 1) for size in (24, 16)]
    done = runner.together(resolve(run, tmp_path) for run in asked)
    assert [r.run.name for r in done] == ["2 at 24", "1 at 24", "2 at 16", "1 at 16"]


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the system does not forget a peak")
def test_a_peak_is_the_runs_and_not_that_of_a_run_before_it():
    made = "from lab.environment import forget_peak, peak_memory as peak\n"
    made += "big = bytearray(400_000_000)\nfirst = peak()\ndel big\nforget_peak()\nprint(first - peak())"
    assert float(subprocess.run([sys.executable, "-c", made], capture_output=True, text=True).stdout) > 300
