"""A recorded run, made again: whether it agrees, and what differs where it does not."""

import json
import shutil

import pytest

from lab import command, reproduce
from lab.records import store


@pytest.fixture
def root(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "lab")


def first(root):
    return store.read(root, "quickstart")[0]


def rewritten(root, **more):
    """The first record, with other figures or another setting, sealed as if they had been measured."""
    r = first(root)
    store.write(root, {**r, **more})
    return r["name"]


def test_a_run_on_the_same_machine_agrees_to_the_bit_and_leaves_nothing(root, capsys):
    before = sorted(p.relative_to(root) for p in root.rglob("*") if p.suffix != ".lock")
    assert command.call(reproduce.main, [first(root)["name"], "--out", str(root)]) == 0
    assert "agrees to the bit" in capsys.readouterr().out
    assert sorted(p.relative_to(root) for p in root.rglob("*") if p.suffix != ".lock") == before


def test_a_folder_that_was_named_as_the_data_set_is_where_the_data_are(root):
    from lab.runs.reproducing import flags

    r = first(root)
    of = {"dataset": "folder", "data": "my_photos"}
    named = {**r, "command": "python -m lab.run --dataset signs,my_photos", "choices": {**r["choices"], **of}}
    words = flags(named)
    assert words[words.index("--dataset") + 1] == "folder" and words[words.index("--data-dir") + 1] == "my_photos"
    named["choices"] |= {"dataset": "tfds:dots", "data": "tfds:dots"}
    assert "--data-dir" not in flags(named)


def test_what_differs_is_said(root, capsys):
    r = first(root)
    e = r["environment"]
    net = {**r["net"], "weights_digest": "0" * 64}
    there = {**e, "cores": 999, "versions": {**e["versions"], "keras": "3.0.0"}}
    name = rewritten(root, net=net, environment=there)
    assert command.call(reproduce.main, [name, "--out", str(root)]) == 1
    out = capsys.readouterr().out
    assert "does not agree" in out and "another outcome on 0 of" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["cores", "999", str(e["cores"])] in rows and ["keras", "3.0.0", e["versions"]["keras"]] in rows
    assert len(rows) - rows.index(["what", "recorded", "here"]) == 4  # nothing else: a line under the heads, and these


def test_verdicts_say_by_how_much_and_when_nothing_explains_it(root):
    r = first(root)
    other = json.loads(json.dumps(r))
    other["test"]["accuracy"] -= 0.05
    text = reproduce.verdict(r, other, 3)
    assert "-5.00 points, another outcome on 3 of" in text and "does not repeat itself" in text
    assert not reproduce.agrees(r, other) and reproduce.agrees(r, json.loads(json.dumps(r)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"digest": "0" * 64}, "cannot be made again here"),
        ({"status": "failed"}, "only a finished run"),
    ],
)
def test_what_cannot_be_made_again_is_refused_in_one_line(root, change, said, capsys):
    r = first(root)
    change = {**change, "choices": {**r["choices"], "data_fingerprint": "another"}} if "digest" in change else change
    assert command.call(reproduce.main, [rewritten(root, **change), "--out", str(root)]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and "Traceback" not in err


def test_an_unknown_run_and_a_mean_of_runs_are_refused(root, capsys):
    assert command.call(reproduce.main, ["nobody", "--out", str(root)]) == 2
    r = first(root)
    name = rewritten(root, choices={**r["choices"], "members": [r["name"]]})
    assert command.call(reproduce.main, [name, "--out", str(root)]) == 2
    assert "a mean of runs" in capsys.readouterr().err
