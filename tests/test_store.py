import os
import subprocess
import sys
import time

import psutil
import pytest

from lab.errors import BadInput
from lab.records import store

RECORD = {
    "schema": 1, "name": "a-00000000", "experiment": "x", "status": "done", "digest": "d", "group": "g",
    "choices": {"task": "classification", "strategy": "finetune", "dataset": "d", "backbone": "cnn10", "head": "linear",
                "weights": "none", "seed": 0, "size": 32},
    "test": {"accuracy": 0.5}, "cost": {}, "steps": [], "figure": 0.25, "missing": float("nan"),
}  # fmt: skip


def test_a_record_comes_back_sealed_and_an_edit_is_seen(tmp_path):
    path = store.write(tmp_path, RECORD)
    record = store.read_one(path)
    assert record["figure"] == 0.25 and record["missing"] is None and store.is_sealed(record)
    path.write_text(path.read_text().replace("0.25", "0.26"))
    assert not store.is_sealed(store.read_one(path))


def test_nothing_is_half_written(tmp_path, monkeypatch):
    path = store.write(tmp_path, RECORD)
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        store.write(tmp_path, {**RECORD, "figure": 0.5})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_folder_that_cannot_be_written_is_refused_before_work(tmp_path, monkeypatch):
    (tmp_path / "results").write_text("a file in the way")
    with pytest.raises(BadInput, match="--out"):
        store.prepare(tmp_path, "x")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": 1}', "[" * 100000, '{"schema": 99, "name": "a"}', "\x00"]
)
def test_what_is_no_record_is_named(tmp_path, content):
    path = tmp_path / "results" / "x" / "bad.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(BadInput, match=r"bad\.json") as error:
        store.read(tmp_path)
    assert "\n" not in str(error.value)


def test_the_best_run_on_a_data_set_is_found_by_validation_on_its_latest_content(tmp_path):
    def record(name, accuracy, day, fingerprint="f", data="pets", **more):
        choices = {**RECORD["choices"], "dataset": "folder", "data": data, "data_fingerprint": fingerprint, **more}
        own = {"name": name, "digest": name, "group": name, "choices": choices, "finished": f"2026-01-0{day}"}
        return {**RECORD, **own, "val": {"accuracy": accuracy, "loss": 1.0}}

    runs = [
        record("old", 0.9, 1, "e"), record("good", 0.8, 2), record("bad", 0.5, 3),
        record("other", 0.99, 4, data="cars"), record("mean", 1.0, 4, members=[]),
    ]  # fmt: skip
    for made in runs:
        store.write(tmp_path, made)
    assert store.finished(tmp_path, "best:pets/")["name"] == "good"
    with pytest.raises(BadInput, match="there are runs on cars, pets"):
        store.finished(tmp_path, "best:dogs")


def test_what_a_killed_process_had_begun_is_cleared_away_whether_or_not_anyone_asked_for_its_end(tmp_path):
    """One that lives is let be; one whose parent has not yet asked how it ended is dead all the same."""
    lives, dead = (subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2))
    begun = [store.cache(tmp_path, "x") / f"part{process.pid}.weights.h5" for process in (lives, dead)]
    begun[0].parent.mkdir(parents=True)
    for path in begun:
        path.write_bytes(b"")
    dead.kill()
    while psutil.Process(dead.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    store.sweep(tmp_path)
    assert [p.exists() for p in begun] == [True, False]
    lives.communicate()
    dead.communicate()
    store.sweep(tmp_path)
    assert not begun[0].exists()
