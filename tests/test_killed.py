"""A matrix of runs that is killed anywhere, by SIGKILL, children too, ends as one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, TRAINED

from lab import report
from lab.records import store
from lab.runs.process import environment_of_child

LONGEST = 600  # seconds that a command may take
MATRIX = [*TRAINED, "--strategy", "finetune,knn,lpft", "--augment", "light", "--ema", "0.9", "--epochs", "4"]


def begin(folder, words):
    """Starts the command in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "lab.run", *words, "--out", str(folder)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env=environment_of_child(),
    )  # fmt: skip


def end(process):
    """Lets it come to its end."""
    said, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 0, said


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def survived(folder, reference):
    """What is left is what a run without a kill leaves, to the bit."""
    ours, theirs = (sorted(store.read(root), key=lambda r: r["digest"]) for root in (folder, reference))
    assert [r["digest"] for r in ours] == [r["digest"] for r in theirs]  # each once
    for a, b in zip(ours, theirs, strict=True):
        assert a["status"] == "done" and store.is_sealed(a)
        assert a["net"]["weights_digest"] == b["net"]["weights_digest"]
        assert all(a[split] == b[split] for split in ("train", "val", "test"))
        for one, other in zip(a["steps"], b["steps"], strict=True):
            assert one.get("kept_epoch") == other.get("kept_epoch")
            assert [without(h) for h in one.get("history", [])] == [without(h) for h in other.get("history", [])]
        for split in ("train", "val", "test"):
            with (
                np.load(store.kept(folder, a, f"{split}.npz")) as x,
                np.load(store.kept(reference, b, f"{split}.npz")) as y,
            ):
                assert all(np.array_equal(x[k], y[k]) for k in y.files)
    assert report.stale(folder) == []
    left = [
        p.name for p in folder.rglob("*") if p.name.startswith("part") or p.name.endswith((".step.npz", ".epoch.npz"))
    ]
    assert left == []


def without(row):
    return {k: v for k, v in row.items() if k != "seconds"}


def test_three_kills(trained, tmp_path):
    """At lines of the output: in the first run's training, after its record, in the second run's."""
    for sign in ("epoch 1/", "(", "run 1 of 1"):
        process = begin(tmp_path, [*TRAINED, "--checkpoint-every", "1"])
        seen = 0
        for line in process.stdout:
            seen += sign in line
            if seen == (3 if sign == "(" else 1):
                break
        kill(process)
    end(begin(tmp_path, TRAINED))
    survived(tmp_path, trained)


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--checkpoint-every", "1"]])
def test_fifty_kills_at_random_moments(more, tmp_path):
    """25 with each way of writing down; a matrix that is done too early is begun anew elsewhere."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng, kills, round_ = random.Random(seed), 0, 0
    reference = tmp_path / "reference"
    end(begin(reference, MATRIX))
    while kills < 25:
        round_ += 1
        folder = tmp_path / str(round_)
        while True:
            process = begin(folder, [*MATRIX, *more])
            try:
                process.communicate(timeout=rng.uniform(1, 40) if kills < 25 else LONGEST)
                break
            except subprocess.TimeoutExpired:
                kill(process)
                kills += 1
        assert process.returncode == 0
        survived(folder, reference)


def test_a_killed_process_leaves_nothing_half_written(tmp_path):
    """What it had begun is cleared away by the next command; what a living one has begun is not."""
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    folder = tmp_path / "results" / "x"
    folder.mkdir(parents=True)
    for pid in (int(dead.stdout), os.getpid()):
        (folder / f"part{pid}.a.npz").write_text("{")
        (folder / f".a.json.part{pid}").write_text("{")
    store.prepare(tmp_path, "x")
    assert {p.name for p in folder.iterdir()} == {f"part{os.getpid()}.a.npz", f".a.json.part{os.getpid()}"}
    assert store.read(tmp_path) == []


def test_without_its_runner_a_run_ends(tmp_path):
    """Nobody hears what it says any more."""
    process = begin(tmp_path, [*TRAINED, "--epochs", "100000"])
    for line in process.stdout:
        if "epoch 1/" in line:
            break
    child = int(subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()[0])
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    for _ in range(100):
        if not os.path.exists(f"/proc/{child}"):
            return
        time.sleep(0.1)
    kill(process)
    raise AssertionError("it goes on and on")
