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


# Masks


@pytest.fixture
def scenes(tmp_path):
    """Twenty images of 16 x 12 px with masks: `sky`, on which there is a block of 16 px of `car` or `tree`."""
    from test_masks import pairs

    folder = pairs(tmp_path / "scenes")
    (folder / "classes.txt").write_text("sky\ncar\ntree\n")
    return folder


def repaint(folder, number, labels):
    Image.fromarray(np.asarray(labels, "uint8")).save(folder / f"masks/{number:02d}.png")


def test_eda_of_masks_counts_pixels_and_images(scenes, tmp_path, capsys):
    from test_masks import mask_of

    repaint(scenes, 0, np.where(mask_of(0), mask_of(0), 255))
    assert run("eda", scenes, tmp_path) == 0
    table = rows(tmp_path / "out/classes.csv")
    assert [r["class"] for r in table] == ["sky", "car", "tree"]
    for split, images in (("train", 12), ("val", 4), ("test", 4)):
        assert abs(sum(float(r[f"{split} %"]) for r in table) - 100) < 0.01
        assert int(table[1][f"{split} images"]) + int(table[2][f"{split} images"]) == images
    assert sum(int(table[0][f"{s} images"]) for s in ("train", "val", "test")) == 19
    out = capsys.readouterr().out
    ignored = 100 * (192 - 16) / (20 * 192)
    assert f"{ignored:.2f} %" in out and "| masks of one class                         | 1 " in out
    with Image.open(tmp_path / "out/classes.png") as picture:
        assert picture.width > 800 and np.asarray(picture.convert("L")).std() > 5


def test_verify_names_masks_that_cannot_be_used_and_those_of_one_class(scenes, tmp_path, capsys):
    assert run("verify", scenes, tmp_path) == 0
    assert "all 20 images and masks can be read" in capsys.readouterr().out
    repaint(scenes, 1, np.zeros((12, 16)))
    assert run("verify", scenes, tmp_path) == 0
    out = capsys.readouterr().out
    assert "images/01.png: its mask is all sky" in out and "1 of 20 masks hold one class only" in out
    (scenes / "masks/02.png").write_bytes(b"none")
    repaint(scenes, 3, np.full((12, 16), 9))
    repaint(scenes, 4, np.zeros((4, 4)))
    assert run("verify", scenes, tmp_path) == 1
    found = {r["file"]: r["reason"] for r in rows(tmp_path / "out/broken.csv")}
    assert set(found) == {"masks/02.png", "masks/03.png", "masks/04.png"}
    assert "has the value 9" in found["masks/03.png"] and "has 4 x 4 pixels" in found["masks/04.png"]
    assert (
        "2 of 20 images and masks cannot be read" in (out := capsys.readouterr().out) and "1 masks have labels" in out
    )


def test_audit_tells_copies_that_have_another_mask(scenes, tmp_path, capsys):
    for number, of in ((30, 5), (31, 6)):
        shutil.copy(scenes / f"images/{of:02d}.png", scenes / f"images/{number}.png")
        shutil.copy(scenes / f"masks/{of:02d}.png", scenes / f"masks/{number}.png")
    repaint(scenes, 31, np.ones((12, 16)))
    assert run("audit", scenes, tmp_path) == 0
    equal = [r for r in rows(tmp_path / "out/duplicates.csv") if r["kind"] == "equal"]
    assert {(r["first"], r["second"], r["label"] == r["second label"]) for r in equal} == {
        ("images/05.png", "images/30.png", True), ("images/06.png", "images/31.png", False),
    }  # fmt: skip
    assert "with other masks" in capsys.readouterr().out


def test_show_lays_masks_over_their_images(scenes, tmp_path):
    from lab.data.show import PAIRS, TINT, overlaid, telling

    assert run("show", scenes, tmp_path) == 0
    with Image.open(tmp_path / "out/examples.png") as picture:
        assert picture.width > 500 and np.asarray(picture).std() > 20
    image, mask = np.full((1, 3, 3), 100, "uint8"), np.array([[0, 1, 255]])
    assert overlaid(image, mask, np.array([[0, 0, 0], [250, 0, 0]])).tolist() == [
        [[round(100 * (1 - TINT))] * 3, [round(100 * (1 - TINT) + 250 * TINT), 40, 40], [100] * 3]
    ]
    pixels = np.zeros((50, 3), int)
    pixels[:, 0] = 1
    pixels[[7, 30], 2] = 1
    assert telling(pixels, np.arange(10, 50))[0] == 30
    assert len(telling(pixels, np.arange(10, 50))) == PAIRS and len(telling(pixels, np.arange(3))) == 3


def test_masks_in_memory_are_looked_at_the_same_way(tmp_path):
    from lab.data.examined import _arrays
    from lab.inputs.data import Data, Split

    masks = np.zeros((4, 2, 3), "uint8")
    masks[1, 0, 0], masks[2, 0, :2] = 1, 255
    images = np.arange(72).reshape(4, 2, 3, 3).astype("uint8")
    part = [Split(images[i], masks[i], np.array(i)) for i in ([0, 1], [2], [3])]
    found = _arrays(Data(*part, classes=("a", "b"), palette=((0, 0, 0), (9, 9, 9))), "x")
    assert found.pixels.tolist() == [[6, 0], [5, 1], [4, 0], [6, 0]]
    assert found.of_one_class.tolist() == [0, 2, 3] and np.array_equal(found.mask(1), masks[1])
