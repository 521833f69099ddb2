"""Predictions of a finished run on files, and ensembles of finished runs: against the run's own figures."""

import csv
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, TRAINED
from PIL import Image, ImageOps

from lab import command, ensemble, names, predict
from lab.errors import BadInput
from lab.inference import ensembles, masks, predicting
from lab.inputs.data import IGNORED
from lab.inputs.decoding import fitted, seen
from lab.records import predictions, store
from lab.runs import arguments
from lab.runs.spec import Ensemble
from lab.task import average


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
    best = [int(r["class_id"]) for r in rows]
    np.testing.assert_allclose(p[np.arange(60), best], p.max(axis=1), atol=4e-5)
    submitted = list(csv.reader(answer.read_text().splitlines()))
    assert submitted[0] == ["Path", "ClassId"] and submitted[1] == [f"{images.name}/00000.png", str(best[0])]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{images.name}/00000.png: {best[0]} ")
    assert float(shown[0].split()[2].rstrip(",")) == pytest.approx(p[0].max(), abs=1e-3)
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
    assert made["members"] == members and "| **`geometric_mean`** |" in (root / "README.md").read_text()


def test_ensembles_of_an_experiment_are_made_once_and_wait_for_their_members(root, capsys):
    runs = arguments.asked(arguments.parser("lab.run", "").parse_args(TRAINED))[1]
    wanted = [Ensemble(tuple(runs), "arithmetic"), Ensemble((runs[0], replace(runs[1], epochs=99)))]
    assert ensembles.of_experiment(root, "quickstart", wanted, "it") == 1
    assert "1 of 2 ensembles wait for runs that are not done" in capsys.readouterr().out
    (made,) = (r for r in store.read(root) if r["choices"]["strategy"] == "arithmetic_mean")
    members = [r["name"] for r in store.read(root) if "members" not in r["choices"]]
    assert sorted(made["members"]) == sorted(members) and made["command"] == "it"
    assert ensembles.of_experiment(root, "quickstart", wanted[:1], "again") == 0
    assert capsys.readouterr().out == "" and store.finished(root, made["name"]) == made


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


@pytest.fixture(scope="module")
def scenes(trained_masks, tmp_path_factory):
    """Two finished runs on masks, and in photos/ their data."""
    return shutil.copytree(trained_masks, tmp_path_factory.mktemp("lab"), dirs_exist_ok=True)


def kept_masks(root, name):
    """The masks (N, H, W) of the test images that a run left in the cache."""
    with np.load(store.kept(root, store.finished(root, name), "test.npz")) as file:
        return file["predicted"]


def alike(one, other):
    """Whether masks are the same but for a pixel in a thousand, where two classes are as likely: rounding decides."""
    return one.shape == other.shape and (one == other).mean() > 0.999


def test_masks_from_files_are_the_runs_own(scenes, tmp_path, capsys):
    name, table = names_of(scenes)[0], tmp_path / "s.csv"
    words = [name, str(scenes / "photos/images/test"), "--to-dir", str(tmp_path / "m"), "--csv", str(table)]
    assert command.call(predict.main, [*words, "--out", str(scenes)]) == 0
    written = [Image.open(p) for p in sorted((tmp_path / "m").glob("*.png"))]
    found = np.stack([np.asarray(image) for image in written])
    assert alike(found, kept_masks(scenes, name))
    palette = store.finished(scenes, name)["data"]["palette"]
    colours = np.asarray(written[0].convert("RGB"))
    np.testing.assert_array_equal(colours, np.array(palette)[found[0]])
    assert (tmp_path / "m" / "classes.txt").read_text() == "class 0\nclass 1\nclass 2\n"
    rows = list(csv.reader(table.read_text().splitlines()))
    assert rows[0] == ["file", "share class 0", "share class 1", "share class 2"] and len(rows) == 6
    expected = [(mask == c).mean() for mask in found for c in range(3)]
    np.testing.assert_allclose(np.array([row[1:] for row in rows[1:]], float).ravel(), expected, atol=1e-6)
    largest = max(range(3), key=lambda c: expected[c])
    assert capsys.readouterr().out.startswith(f"test/00.png: class {largest} {expected[largest]:.3f}")


def test_a_mask_has_its_images_own_size_name_and_folder(scenes, tmp_path):
    """Of a turned JPEG in a folder of a zip; the overlay beside it."""
    turned = Image.Exif()
    turned[0x0112] = 6  # by a quarter
    Image.new("RGB", (90, 50), (20, 20, 20)).save(tmp_path / "wide.jpg", exif=turned)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "wide.jpg", "one/two/wide.jpg")
    words = [names_of(scenes)[0], str(tmp_path / "all.zip"), "--to-dir", str(tmp_path / "m"), "--overlay"]
    assert command.call(predict.main, [*words, "--out", str(scenes)]) == 0
    written = sorted(p.relative_to(tmp_path / "m").as_posix() for p in (tmp_path / "m").rglob("*.*"))
    assert written == ["classes.txt", "one/two/wide.overlay.jpg", "one/two/wide.png"]
    for path in written[1:]:
        with Image.open(tmp_path / "m" / path) as image:
            assert image.size == (50, 90)


@pytest.mark.parametrize("fit", ["squash", "pad", "crop"])
@pytest.mark.parametrize("own", [(60, 100), (101, 40), (24, 32), (7, 9)])
def test_a_mask_is_put_back_where_the_image_was(fit, own):
    """Quarters of an image, resized as images are and back as masks are."""
    whole = np.zeros(own, "uint8")
    whole[own[0] // 2 :] += 1
    whole[:, own[1] // 2 :] += 2
    quarters = [Image.fromarray(255 * (whole == c).astype("uint8")) for c in range(4)]
    p = np.stack([fitted(q, (24, 32), fit) for q in quarters], axis=-1).astype("float32") / 255
    found = masks.restored(p, own, fit)
    shown = found != IGNORED
    left, top, right, bottom = seen(own, (24, 32), fit)[0]
    assert shown.sum() == (right - left) * (bottom - top) and shown[top:bottom, left:right].all()
    assert (found == whole)[shown].mean() > 0.95 and (shown.all() or fit == "crop")


def test_what_is_padded_is_what_pillow_pads():
    rng = np.random.default_rng(0)
    for high, wide in rng.integers(5, 400, (200, 2)).tolist():
        white = np.asarray(ImageOps.pad(Image.new("L", (wide, high), 255), (33, 24), Image.Resampling.BILINEAR))
        rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
        assert seen((high, wide), (24, 33), "pad")[1] == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--submission", "s.csv"], "--submission has a class for each image"),
        (["--overlay"], "--overlay writes beside the masks"),
        (["--to-dir", "photos"], "00.png is one of the images, which no mask replaces"),
        (["photos/00.jpg", "--to-dir", "m"], "would both become m/00.png"),
    ],
)
def test_masks_that_cannot_be_written_are_refused(scenes, tmp_path, monkeypatch, words, said, capsys):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for ending in ("png", "jpg"):
        Image.new("RGB", (32, 24)).save(f"photos/00.{ending}")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.*")}
    call = [names_of(scenes)[0], "photos/00.png", *words, "--out", str(scenes)]
    assert command.call(predict.main, call) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.*")} == before


def test_a_classification_writes_no_masks(root, images, tmp_path, capsys):
    words = [names_of(root)[0], str(images), "--to-dir", str(tmp_path / "m"), "--out", str(root)]
    assert command.call(predict.main, words) == 2
    assert "--to-dir is for masks" in capsys.readouterr().err and not (tmp_path / "m").exists()


def test_the_best_of_runs_that_learnt_different_things_are_not_averaged(root, tmp_path, capsys):
    shutil.copytree(root / "results", tmp_path / "results")
    one = next(r for r in store.read(root) if r["status"] == "done" and "members" not in r["choices"])
    other = one | {"name": "other", "digest": "other", "choices": one["choices"] | {"data": "elsewhere"}}
    store.write(tmp_path, other)
    assert command.call(ensemble.main, ["--best", "2", "--experiment", "quickstart", "--out", str(tmp_path)]) == 2
    assert "whose runs have learnt the same" in (error := capsys.readouterr().err) and "of elsewhere" in error


def test_an_ensemble_of_masks_is_the_mean_of_its_members(scenes, capsys):
    """The members' probabilities from the image files, in one go; chosen by mIoU."""
    words = ["--best", "2", "--experiment", "quickstart", "--data-dir", str(scenes / "photos"), "--out", str(scenes)]
    assert command.call(ensemble.main, words) == 0
    made = next(r for r in store.read(scenes) if "members" in r)
    members = [store.finished(scenes, name) for name in made["members"]]
    assert members == sorted(members, key=lambda r: (-r["val"]["miou"], r["val"]["loss"]))
    files = predicting.listed(scenes / "photos/images/test")
    first, second = (np.stack(list(predicting.answers(r, store.kept(scenes, r, "weights.h5"), files))) for r in members)
    expected = (first.astype("float64") * second).argmax(axis=-1)
    kept = kept_masks(scenes, made["name"])
    assert alike(kept, expected)
    truth = np.stack([np.asarray(Image.open(p)) for p in sorted((scenes / "photos/masks/test").iterdir())])
    assert made["test"]["accuracy"] == pytest.approx((kept == truth)[truth != IGNORED].mean())
    assert made["test"]["boundary_f1"] is not None and made["train"]["examples"] == 12
    assert made["net"]["parameters"] == sum(r["net"]["parameters"] for r in members)
    assert (store.cache(scenes, "quickstart") / f"{made['name']}.gallery.npz").exists()
    row = next(line for line in (scenes / "README.md").read_text().splitlines() if "| **`geometric_mean`** |" in line)
    assert f"{made['test']['miou']:.3f}" in row
    assert f"test mIoU {made['test']['miou']:.4f}" in capsys.readouterr().out


def test_members_of_other_classes_are_refused(scenes, monkeypatch):
    """The digest of masks is of their files, which --drop-classes leaves as they are."""
    first, second = (store.finished(scenes, name) for name in names_of(scenes)[:2])
    second["data"]["classes"] = second["data"]["classes"][:2]
    monkeypatch.setattr(store, "finished", lambda root, name: {"a": first, "b": second}[name])
    with pytest.raises(BadInput, match="was made on other data"):
        ensemble.chosen(scenes, ["a", "b"], None, None)


@pytest.mark.parametrize("mean", ensemble.MEANS)
def test_means_are_over_members_and_rows_add_up_to_one(mean):
    tables = np.random.default_rng(0).dirichlet(np.ones(4), (3, 2, 5)).astype("float32")
    product = tables.astype("float64").prod(axis=0) ** (1 / 3)
    expected = tables.mean(axis=0) if mean == "arithmetic" else product / product.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(average(iter(tables), mean), expected, rtol=1e-5)


def test_an_ensemble_of_masks_takes_its_own_data_and_one_of_classes_none(scenes, root, tmp_path, capsys):
    members = names_of(scenes)[:2]
    photos = shutil.copytree(scenes / "photos", tmp_path / "photos")
    image = photos / "images/test/00.png"
    Image.fromarray(255 - np.asarray(Image.open(image))).save(image)
    for words, said in (([], "say where it is with --data-dir"), (["--data-dir", str(photos)], "are not those of")):
        assert command.call(ensemble.main, [*members, *words, "--out", str(scenes)]) == 2
        assert said in capsys.readouterr().err
    assert command.call(ensemble.main, [*names_of(root)[:2], "--data-dir", str(photos), "--out", str(root)]) == 2
    assert "--data-dir is for runs that predict masks" in capsys.readouterr().err
