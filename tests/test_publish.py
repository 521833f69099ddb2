"""A finished run as a folder to upload, and the one command that makes a run again."""

import json
import shlex
import shutil
import subprocess
from collections import Counter

import numpy as np
import pytest
from conftest import ROOT

from lab import command, publish
from lab.records import store
from lab.runs import arguments, reproducing, spec


def test_a_folder_holds_the_model_its_card_its_record_and_what_makes_it_again(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "lab")
    record = store.read(folder)[1]  # seed 1
    words = [record["name"], str(tmp_path / "shared"), "--out", str(folder)]
    assert command.call(publish.main, words) == 0
    made = tmp_path / "shared"
    assert {p.name for p in made.iterdir()} == {
        "model.keras", "classes.txt", "export.json", "README.md", "record.json", "reproduce.sh", "test.npz"
    }  # fmt: skip
    assert json.loads((made / "record.json").read_text()) == record
    with np.load(made / "test.npz") as file:
        assert (file["labels"] == file["predicted"]).mean() == pytest.approx(record["test"]["accuracy"])
    script = (made / "reproduce.sh").read_text()
    subprocess.run(["sh", "-n", str(made / "reproduce.sh")], check=True)
    asked = script.splitlines()[-1]
    assert asked.startswith("KERAS_BACKEND=tensorflow python -m lab.run") and "--seeds 1," in asked
    assert asked.removeprefix("KERAS_BACKEND=tensorflow ") in (made / "README.md").read_text()
    (asked_run,) = arguments.asked(arguments.parser("", "").parse_args(shlex.split(asked)[4:]))[1]
    assert spec.resolve(asked_run, folder).digest == record["digest"]
    assert command.call(publish.main, words) == 0  # again, in place of itself


def test_a_folder_of_something_else_is_left_alone(trained, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    name = store.read(trained)[0]["name"]
    assert command.call(publish.main, [name, str(tmp_path / "mine"), "--out", str(trained)]) == 2
    err = capsys.readouterr().err
    assert "holds something else" in err and err.count("\n") == 1 and (tmp_path / "mine" / "thesis.txt").exists()


def test_the_command_of_a_committed_run_asks_for_that_run(monkeypatch):
    """A run of each experiment on embedded data: its flags resolve to the digest that the record has."""
    tried = Counter()
    for r in store.read(ROOT):
        embedded = r["choices"]["dataset"].partition("(")[0] in ("signs", "digits", "emblems", "scenes")
        if r["status"] != "done" or "members" in r or not embedded or tried[r["experiment"]] >= 1:
            continue
        if r["choices"]["backbone"].startswith("cnn10"):  # its weights are embedded, too
            monkeypatch.setattr(spec, "RECIPE", r["choices"]["recipe"])  # else it is another run
            assert reproducing.resolved(r, ROOT).digest == r["digest"], reproducing.command_of(r)
            tried[r["experiment"]] += 1
    assert len(tried) >= 6


def test_a_path_of_data_stands_in_the_command(trained):
    r = store.read(trained)[0]
    r["choices"] |= {"dataset": "gtsrb", "strategy": "boosting(iterations=5,depth=4)"}
    words = reproducing.flags({**r, "command": "python -m lab.run x.py --data-dir 'my data.zip' --seeds 3"})
    assert words[words.index("--data-dir") + 1] == "my data.zip"
