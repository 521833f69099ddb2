"""What goes wrong in a run stays in that run: memory, disk, signals, other processes at the same folder."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, TINY, photos, recorded_run
from filelock import FileLock

from lab.errors import Interrupted
from lab.records import store
from lab.runs import child, process, runner
from lab.runs.spec import Run, resolve
from lab.training.interruption import held

HERE = Run(
    strategy="scratch", backbone="cnn10(width=4,norm='none')", dataset="digits", limit=60, size=16, epochs=2,
    checks="none",
)  # fmt: skip
BRIEF = {"status": "done", "test": {"accuracy": 0.5}, "train": {"accuracy": 0.5}, "cost": {}, "steps": []}


def test_where_memory_does_not_suffice_a_batch_is_trained_in_parts_as_the_record_says(tmp_path, monkeypatch, capsys):
    own, asked = process.Worker.do, []

    def do(worker, order, show, log, kind):
        asked.append(order["parts"])
        return own(worker, order, show, log, kind) if order["parts"] == 4 else (process.NO_MEMORY, {})

    monkeypatch.setattr(process.Worker, "do", do)
    assert runner.run_all([HERE], "x", tmp_path, "it") == 0
    (record,) = store.read(tmp_path)
    assert asked == [1, 2, 4] and record["parts"] == 4 and record["status"] == "done"
    assert record["choices"]["batch_size"] == 32  # is what a step still sees
    out = capsys.readouterr().out
    assert "out of memory at 32 images at once: again with 16" in out and "again with 8" in out


def test_where_not_even_one_image_fits_the_run_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(process.Worker, "do", lambda *_: (process.NO_MEMORY, {}))
    assert runner.run_all([HERE], "x", tmp_path, "it") == 1
    assert "a smaller --size or backbone" in store.read(tmp_path)[0]["error"]


def test_out_of_memory_is_known_when_it_is_seen():
    import tensorflow as tf

    with pytest.raises(tf.errors.ResourceExhaustedError) as error:
        tf.zeros((1 << 24, 1 << 24))
    for one in (error.value, MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")):
        assert child.is_out_of_memory(one)
    assert not child.is_out_of_memory(ValueError("out of range"))
    assert process.killed_for_memory() >= 0


def test_a_failed_run_is_left_alone_until_that_is_asked_for_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    begun = []

    def do(worker, order, show, log, kind):
        begun.append(order["run"]["seed"])
        return (1, {"error": "RuntimeError: bad luck"}) if order["run"]["seed"] == 0 else (0, {"record": BRIEF})

    monkeypatch.setattr(process.Worker, "do", do)
    runs = [HERE, Run(**{**vars(HERE), "seed": 1})]
    assert runner.run_all(runs, "x", tmp_path, "it") == 1 and begun == [0, 1]
    assert {r["status"] for r in store.read(tmp_path)} == {"done", "failed"}
    assert runner.run_all(runs, "x", tmp_path, "it") == 1 and begun == [0, 1]  # it still says that one failed
    assert "1 failed before and are left alone" in capsys.readouterr().out
    assert runner.run_all(runs, "x", tmp_path, "it", retry_failed=True) == 1 and begun == [0, 1, 0]


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path):
    """No file may become larger than some bytes: what it had for a start stays as it was."""
    words = [*TINY, "--strategy", "scratch", "--checks", "none", "--out", str(tmp_path)]

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))

    done = subprocess.run(
        [sys.executable, "-m", "lab.run", *words], cwd=ROOT, capture_output=True, text=True, preexec_fn=limited
    )
    said = done.stdout + done.stderr
    assert done.returncode == 2 and "cannot write" in said and "File too large" in said and "Traceback" not in said
    assert store.read(tmp_path) == []
    assert not [p for p in tmp_path.rglob("*") if store.BEGUN.fullmatch(p.name)]


def test_an_image_that_breaks_while_a_run_reads_it_is_named_and_the_next_run_goes_on(tmp_path, monkeypatch, capsys):
    pets = photos(tmp_path / "pets", {f"{c}/{i}.png": n for n, c in enumerate("ab") for i in range(20)})
    whole, own = {p: p.read_bytes() for p in pets.glob("a/*.png")}, process.Worker.do

    class Breaking:
        """Shows nothing, and spoils images once the first epoch is over."""

        say = print

        def event(self, it):
            if "val_loss" in it:
                for path in whole:
                    path.write_bytes(b"no image")

    def do(worker, order, show, log, kind):
        if order["run"]["seed"] == 0:
            code, end = own(worker, order, Breaking(), log, kind)
            assert code == 2 and re.search(r"pets/a/\d+\.png is not a readable image", end["error"])
            return code, end
        for path, content in whole.items():
            path.write_bytes(content)
        return own(worker, order, show, log, kind)

    monkeypatch.setattr(process.Worker, "do", do)
    endless = {**vars(HERE), "dataset": str(pets), "limit": None, "image_cache": "none", "epochs": 500}
    assert runner.run_all([Run(**endless), Run(**{**endless, "seed": 1, "epochs": 1})], "x", tmp_path, "it") == 2
    assert [(r["status"], r["choices"]["seed"]) for r in store.read(tmp_path)] == [("done", 1)]


def test_what_is_done_while_signals_are_held_is_done_to_its_end():
    done = []
    with pytest.raises(Interrupted), held():
        os.kill(os.getpid(), signal.SIGTERM)
        done.append(True)
    assert done == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_to_the_child_and_the_second_ends_at_once(number):
    class Child:
        got = []
        say = event = print

        def send_signal(self, it):
            self.got.append(it)

    it = Child()
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), process.passed_on(it, it) as came:
        os.kill(os.getpid(), number)
        assert it.got == [signal.SIGTERM] and came == [number]
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


# Many at once

WRITER = """
import sys
from multiprocessing import get_context
from pathlib import Path
sys.path.insert(0, "tests")
from conftest import recorded_run
from lab import report

def write(root, seeds):
    for seed in seeds:
        recorded_run(root, "finetune", seed, 5 + seed % 10)
        report.rebuild(root)

write(Path(sys.argv[1]) / "before", [0])  # so that what it takes is imported once
fork = get_context("fork").Process
eight = [fork(target=write, args=(Path(sys.argv[1]), range(10 * i, 10 * i + 3))) for i in range(8)]
for process in eight:
    process.start()
for process in eight:
    process.join()
sys.exit(any(process.exitcode for process in eight))
"""


def test_eight_processes_lose_no_record_and_tear_no_file(tmp_path):
    words = [sys.executable, "-W", "ignore", "-c", WRITER, str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(tmp_path / "before")
    records = store.read(tmp_path)
    assert len(records) == 24 and all(store.is_sealed(r) for r in records)
    from lab import report

    assert report.stale(tmp_path) == []
    assert ", 24 seeds |" in (tmp_path / "README.md").read_text()  # the mean of all seeds
    assert not [p for p in tmp_path.rglob("*") if store.BEGUN.fullmatch(p.name)]


def test_the_lock_of_a_dead_process_does_not_block(tmp_path):
    lock = store.cache(tmp_path, "report.lock")
    lock.parent.mkdir(parents=True)
    code = f"import os; from filelock import FileLock; FileLock({str(lock)!r}).acquire(); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    recorded_run(tmp_path, "finetune", 0, 5)
    with FileLock(lock).acquire(timeout=5):
        assert lock.exists()


def test_a_run_that_another_process_is_at_comes_last_and_is_not_done_twice(tmp_path, monkeypatch, capsys):
    runs = [HERE, Run(**{**vars(HERE), "seed": 1})]
    first, second = (resolve(r, tmp_path) for r in runs)
    theirs = FileLock(store.cache(tmp_path, "x") / f"{first.stem}.lock")
    theirs.lock_file and Path(theirs.lock_file).parent.mkdir(parents=True)
    theirs.acquire()
    begun = []

    def do(worker, order, show, log, kind):
        begun.append(order["run"]["seed"])
        made = {"schema": 1, "name": first.stem, "experiment": "x", "digest": first.digest, "group": ""}
        store.write(tmp_path, {**made, **BRIEF, "choices": first.choices})  # meanwhile they finish
        theirs.release()
        return 0, {"record": BRIEF}

    monkeypatch.setattr(process.Worker, "do", do)
    assert runner.run_all(runs, "x", tmp_path, "it") == 0
    assert begun == [second.run.seed]
    out = capsys.readouterr().out
    assert "another process is at it" in out and "done meanwhile by another process" in out


@pytest.mark.slow
def test_eight_processes_do_a_matrix_together(tmp_path):
    words = [
        *TINY,
        "--strategy",
        "scratch,extract,finetune",
        "--seeds",
        "2",
        "--checks",
        "none",
        "--out",
        str(tmp_path),
    ]
    words = [sys.executable, "-m", "lab.run", *words]
    begun = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    said = [p.communicate()[0] for p in begun]
    assert [p.returncode for p in begun] == [0] * 8
    assert sum(text.count("  test accuracy") for text in said) == 6  # each run once
    records = store.read(tmp_path)
    assert len(records) == 6 and {r["status"] for r in records} == {"done"}
    assert json.dumps(records) and (tmp_path / "README.md").read_text().count("| **`scratch`** |") == 1
