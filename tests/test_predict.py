"""Predictions of a finished run on files, and ensembles of finished runs: against the run's own figures."""

import csv
import shutil

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from lab import command, ensemble, names, predict, predictions, store
from lab.errors import BadInput


@pytest.fixture(scope="module")
def root(trained, tmp_path_factory):
    """Two finished runs on sixty digits."""
    return shutil.copytree(trained, tmp_path_factory.mktemp("lab"), dirs_exist_ok=True)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The runs' own test images as files, in the runs' order."""
    data = names.build("datasets", "digits").load(None).limited(60)
    folder = tmp_path_factory.mktemp("images")
    for i, image in enumerate(data.test.images):
        Image.fromarray(image[..., 0]).save(folder / f"{i:05d}.png")
    return folder


def names_of(root):
    return [r["name"] for r in store.read(root)]


def test_predictions_from_files_are_the_runs_own(root, images, tmp_path, capsys):
    name = names_of(root)[0]
    table, answer = tmp_path / "p.csv", tmp_path / "s.csv"
    words = [name, str(images), "--csv", str(table), "--submission", str(answer), "--out", str(root)]
    assert command.call(predict.main, words) == 0
    labels, p = predictions.read(root, store.finished(root, name), "test")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    found = np.array([[float(v) for k, v in row.items() if k.startswith("p ")] for row in rows])
    np.testing.assert_allclose(found, p, atol=2e-5)
    assert [int(r["class_id"]) for r in rows] == p.argmax(axis=1).tolist()
    submitted = list(csv.reader(answer.read_text().splitlines()))
    assert submitted[0] == ["Path", "ClassId"] and submitted[1] == [f"{images.name}/00000.png", str(p[0].argmax())]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{images.name}/00000.png: {p[0].argmax()} {p[0].max():.3f}")
    assert any("and 10 more" in line for line in shown) and len(labels) == 60


def test_a_file_of_any_size_and_mode_is_read(root, tmp_path, capsys):
    Image.new("RGBA", (500, 300), (9, 9, 9, 128)).save(tmp_path / "wide.png")
    Image.new("P", (3, 7)).save(tmp_path / "tiny.gif")
    words = [names_of(root)[0], str(tmp_path / "wide.png"), str(tmp_path / "tiny.gif"), "--out", str(root)]
    assert command.call(predict.main, words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "broken.png").write_bytes(b"\x89PNG\r\n"), "broken.png is not a readable image"),
        (lambda folder: [p.unlink() for p in folder.iterdir()], "holds no image"),
        (lambda folder: folder.rename(folder.parent / "gone"), "no such image or folder"),
    ],
)
def test_what_cannot_be_predicted_is_named_and_nothing_is_written(root, tmp_path, spoil, said, capsys):
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("L", (8, 8)).save(folder / "a.png")
    spoil(folder)
    table = tmp_path / "p.csv"
    assert command.call(predict.main, [names_of(root)[0], str(folder), "--csv", str(table), "--out", str(root)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not table.exists()


def test_a_run_that_is_not_there_or_left_no_weights_is_said_so(root, images, capsys):
    assert command.call(predict.main, ["nothing", str(images), "--out", str(root)]) == 2
    assert "no such run" in capsys.readouterr().err
    committed = store.read(ROOT, "transfer")[0]
    path = store.cache(ROOT, "transfer") / f"{committed['name']}.weights.h5"
    if not path.exists():
        with pytest.raises(BadInput, match=r"is not on this machine; run `python -m lab\.run"):
            store.kept(ROOT, committed, "weights.h5")


def test_an_ensemble_is_the_mean_of_its_members_and_is_recorded_as_a_run(root, capsys):
    members = names_of(root)[:2]
    assert command.call(ensemble.main, [*members, "--out", str(root)]) == 0
    made = next(r for r in store.read(root) if "members" in r["choices"])
    tables = [predictions.read(root, store.finished(root, m), "test") for m in members]
    labels, product = tables[0][0], np.sqrt(tables[0][1].astype("float64") * tables[1][1])
    expected = product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predictions.read(root, made, "test")[1], expected, atol=1e-6)
    assert made["test"]["accuracy"] == (expected.argmax(axis=1) == labels).mean()
    assert made["members"] == members and "| geometric_mean" in (root / "README.md").read_text()


def test_the_best_of_an_experiment_are_chosen_on_validation(root):
    done = [r for r in store.read(root) if "members" not in r["choices"]]
    best = ensemble.chosen(root, [], 2, "quickstart")
    assert [r["name"] for r in best] == [
        r["name"] for r in sorted(done, key=lambda r: (-r["val"]["accuracy"], r["val"]["loss"]))[:2]
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give the runs by name"),
        (["--best", "2"], "--best takes 2 or more, with --experiment"),
        (["--best", "1", "--experiment", "quickstart"], "--best takes 2 or more"),
        (["--best", "2", "--experiment", "nothing"], "two finished runs or more; found 0"),
        (["a", "b"], "no such run"),
        (["a", "b", "--name", "<b>"], "--name takes up to 60 letters"),
    ],
)
def test_an_ensemble_of_nothing_is_refused(root, words, said, capsys):
    assert command.call(ensemble.main, [*words, "--out", str(root)]) == 2
    assert said in capsys.readouterr().err
