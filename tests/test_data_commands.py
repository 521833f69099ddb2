"""`python -m lab.data`: what it says of a data set, against what was put into it."""

import csv
import shutil

import numpy as np
import pytest
from conftest import photos
from PIL import Image, ImageEnhance

from lab import command
from lab.data import __main__ as data


@pytest.fixture
def folder(tmp_path):
    """Thirty different scenes of two classes, the first of which is larger and rarer, in two sizes."""
    tree = {f"{c}/{i:02d}.png": n for n, c in enumerate(("cat", "dog")) for i in range(10 if n == 0 else 20)}
    photos(tmp_path / "pets", tree)
    for i, path in enumerate(sorted((tmp_path / "pets").rglob("*.png"))):
        rng = np.random.default_rng(i)
        small = Image.fromarray(rng.integers(0, 256, (5, 5, 3)).astype("uint8"))
        small.resize((60, 40) if "cat" in str(path) else (40, 40), Image.Resampling.BICUBIC).save(path)
    return tmp_path / "pets"


def run(what, place, tmp_path, *more):
    return command.call(data.main, [what, str(place), "--to", str(tmp_path / "out"), *more])


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_eda_counts_what_is_there_and_draws_it(folder, tmp_path, capsys):
    assert run("eda", folder, tmp_path) == 0
    out = capsys.readouterr().out
    assert [list(r.values()) for r in rows(tmp_path / "out/classes.csv")] == [
        ["dog", "14", "3", "3", "20"], ["cat", "6", "2", "2", "10"],
    ]  # fmt: skip
    assert "40 x 40 (20), 60 x 40 (10)" in out and "RGB (30)" in out and "20 / 10" in out
    images = rows(tmp_path / "out/images.csv")
    assert len(images) == 30 and {(r["width"], r["label"]) for r in images} == {("60", "cat"), ("40", "dog")}
    for name in ("classes", "sizes", "colours"):
        with Image.open(tmp_path / f"out/{name}.png") as picture:
            assert picture.width > 400 and np.asarray(picture.convert("L")).std() > 5


def test_the_channel_statistics_are_those_of_the_training_pixels(folder, tmp_path, capsys):
    def blue(name):
        return 100 + 5 * int(name[-6:-4]) + ("cat" in name)

    for path in folder.rglob("*.png"):
        Image.new("RGB", (30, 30), (10, 20, blue(str(path)))).save(path)
    run("eda", folder, tmp_path)
    values = [blue(r["id"]) for r in rows(tmp_path / "out/images.csv") if r["split"] == "train"]
    out = capsys.readouterr().out
    assert f"10.0, 20.0, {np.mean(values):.1f}" in out and f"0.0, 0.0, {np.std(values):.1f}" in out


def test_verify_names_every_broken_file(folder, tmp_path, capsys):
    assert run("verify", folder, tmp_path) == 0 and "all 30 images can be read" in capsys.readouterr().out
    (folder / "cat/03.png").write_bytes(b"broken")
    (folder / "dog/04.png").write_bytes((folder / "dog/04.png").read_bytes()[:300])
    assert run("verify", folder, tmp_path) == 1
    assert "2 of 30 images cannot be read" in capsys.readouterr().out
    assert [r["file"] for r in rows(tmp_path / "out/broken.csv")] == ["cat/03.png", "dog/04.png"]


def test_audit_finds_equal_and_nearly_equal_images_across_given_splits(folder, tmp_path, capsys):
    assert run("audit", folder, tmp_path) == 0
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    split = tmp_path / "split"
    for i, path in enumerate(sorted(folder.rglob("*.png"))):
        target = split / ("test" if i % 5 == 0 else "train") / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copy(split / "train/dog/01.png", split / "test/dog/equal.png")
    with Image.open(split / "train/dog/02.png") as image:
        ImageEnhance.Brightness(image).enhance(1.1).resize((50, 50)).save(split / "test/cat/near.jpg", quality=80)
    assert run("audit", split, tmp_path) == 1
    found = {(r["kind"], r["first"], r["second"]) for r in rows(tmp_path / "out/duplicates.csv")}
    assert {
        ("equal", *sorted(("test/dog/equal.png", "train/dog/01.png"))),
        ("near", "test/cat/near.jpg", "train/dog/02.png"),
    } == found
    assert (tmp_path / "out/duplicates.png").exists()
    out = capsys.readouterr().out
    assert "near: test/cat/near.jpg (test) and train/dog/02.png (" in out


def test_audit_finds_groups_in_two_splits(tmp_path, capsys):
    tree = {f"{s}/{c}/p{i}.png": n for s in ("train", "test") for n, c in enumerate("ab") for i in range(6)}
    assert run("audit", photos(tmp_path / "x", tree), tmp_path, "--group", r"p\d") == 1
    assert "groups in more than one split: 6, p0, p1" in capsys.readouterr().out


def test_show_draws_a_row_of_examples_for_each_class(folder, tmp_path):
    assert run("show", folder, tmp_path) == 0
    with Image.open(tmp_path / "out/examples.png") as picture:
        assert picture.width > 2 * picture.height and np.asarray(picture).std() > 20


def test_embedded_and_array_data_sets_are_looked_at_the_same_way(tmp_path, capsys):
    assert run("eda", "digits", tmp_path) == 0
    assert "| examples                      | 1,797" in capsys.readouterr().out
    x = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3)).astype("uint8")
    x[25] = x[0]
    np.savez(tmp_path / "d.npz", x_train=x[:20], y_train=np.arange(20) % 2, x_test=x[20:], y_test=np.arange(20, 30) % 2)
    assert run("audit", tmp_path / "d.npz", tmp_path) == 1
    assert rows(tmp_path / "out/duplicates.csv")[0]["kind"] == "equal"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["look", "digits"], "invalid choice"), (["eda", "no/such"], "no such folder or file"), (["eda"], "DATASET")],
)
def test_what_cannot_be_looked_at_is_refused_in_one_line(words, said, capsys):
    assert command.call(data.main, words) == 2
    error = capsys.readouterr().err.strip()
    assert said in error and "\n" not in error
