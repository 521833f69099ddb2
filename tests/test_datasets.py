"""One contract for every data set, and what is particular to each."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from lab import names
from lab.data import checked
from lab.errors import BadInput

SMALL = {"signs": "signs(train=2,val=1,test=1)", "emblems": "emblems(train=1,val=1,test=1)"}
EMBEDDED = [n for n in names.listing("datasets") if names.find("datasets", n).embedded]


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_embedded_data_set_keeps_its_contract(name):
    dataset = names.build("datasets", SMALL.get(name, name))
    data, again = checked(dataset.load(None)), dataset.load(None)
    assert data.digest == again.digest
    assert data.train.images.shape[1:3] == (dataset.size, dataset.size)
    assert set(data.train.labels) == set(range(len(data.classes)))
    assert len(set(data.classes)) == len(data.classes)
    for split in data.splits().values():
        assert split.images.dtype == np.uint8 and split.images.ndim == 4
        assert len(split.images) == len(split.labels) == len(split.ids) == len(set(split.ids))
    ids = [set(s.ids) for s in data.splits().values()]
    assert not (ids[0] & ids[1] or ids[0] & ids[2] or ids[1] & ids[2])
    with pytest.raises(BadInput, match="leave it out"):
        dataset.fingerprint("somewhere")


def test_signs_are_43_classes_and_differ_by_seed():
    first = names.build("datasets", "signs(train=1,val=1,test=1)").load(None)
    other = names.build("datasets", "signs(train=1,val=1,test=1,seed=1)").load(None)
    assert len(first.classes) == 43 and first.digest != other.digest


def test_the_source_task_shares_no_class_with_the_targets():
    sets = {n: set(names.build("datasets", SMALL.get(n, n)).load(None).classes) for n in EMBEDDED}
    assert len(sets["emblems"]) >= 43
    assert not sets["emblems"] & (sets["signs"] | sets["digits"])


def test_digits_are_scikit_learns():
    data = names.build("datasets", "digits").load(None)
    assert sum(len(s) for s in data.splits().values()) == 1797


# GTSRB in the Kaggle layout, written here


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 24), colour).save(buffer, "PNG")
    return buffer.getvalue()


def gtsrb_files():
    """Two classes of two tracks of three frames, and two test images."""
    files, rows, test = {}, ["Width,Height,ClassId,Path"], ["Width,Height,ClassId,Path"]
    for label in (0, 1):
        for track in (0, 1):
            for frame in range(3):
                name = f"Train/{label}/{label:05d}_{track:05d}_{frame:05d}.png"
                files[name] = png((label * 200, track * 90, frame * 50))
                rows.append(f"20,24,{label},{name}")
        files[f"Test/{label:05d}.png"] = png((label * 200, 10, 10))
        test.append(f"20,24,{label},Test/{label:05d}.png")
    return files | {"Train.csv": "\n".join(rows).encode(), "Test.csv": "\n".join(test).encode()}


def as_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return str(path)


def as_folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return str(path)


def test_gtsrb_reads_a_folder_and_a_zip_alike(tmp_path):
    dataset = names.build("datasets", "gtsrb")
    folder, archive = as_folder(tmp_path / "f", gtsrb_files()), as_zip(tmp_path / "a.zip", gtsrb_files())
    assert dataset.fingerprint(folder) == dataset.fingerprint(archive)
    data = dataset.load(folder)
    assert data.digest == dataset.load(archive).digest
    assert {n: s.images.shape for n, s in data.splits().items()} == {
        "train": (6, 32, 32, 3),
        "val": (6, 32, 32, 3),
        "test": (2, 32, 32, 3),
    }


def test_gtsrb_keeps_a_track_on_one_side(tmp_path):
    data = names.build("datasets", "gtsrb").load(as_folder(tmp_path, gtsrb_files()))
    tracks = [{i.rsplit("_", 1)[0] for i in s.ids} for s in (data.train, data.val)]
    assert tracks[0] and tracks[1] and not tracks[0] & tracks[1]


def test_the_fingerprint_sees_a_changed_byte(tmp_path):
    files = gtsrb_files()
    before = names.build("datasets", "gtsrb").fingerprint(as_zip(tmp_path / "a.zip", files))
    files["Test/00000.png"] = png((1, 2, 3))
    assert names.build("datasets", "gtsrb").fingerprint(as_zip(tmp_path / "b.zip", files)) != before


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.pop("Train.csv"), "no Train.csv"),
        (lambda f: f.pop("Test/00001.png"), "names Test/00001.png, which is not there"),
        (lambda f: f.update({"Test/00001.png": png((1, 1, 1))[:40]}), "Test/00001.png is not a readable image"),
        (lambda f: f.update({"Test/00001.png": b"\x80\x04cos\nsystem\n."}), "not a readable image"),
        (lambda f: f.update({"Test.csv": b"ClassId,Path\n77,Test/00001.png"}), "class 77"),
        (lambda f: f.update({"Test.csv": b"a;b\n1;2"}), "not a table with the columns"),
        (lambda f: f.update({"../evil.png": b"x"}), "leads out of the archive"),
    ],
)
def test_bad_gtsrb_is_refused_and_the_file_named(tmp_path, spoil, said):
    files = gtsrb_files()
    spoil(files)
    with pytest.raises(BadInput) as error:
        names.build("datasets", "gtsrb").load(as_zip(tmp_path / "a.zip", files))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_gtsrb_without_a_folder_says_what_to_do(tmp_path):
    with pytest.raises(BadInput, match="--data-dir"):
        names.build("datasets", "gtsrb").fingerprint(None)
    with pytest.raises(BadInput, match="no such folder"):
        names.build("datasets", "gtsrb").fingerprint(str(tmp_path / "none"))
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(BadInput, match="neither a folder nor a zip"):
        names.build("datasets", "gtsrb").fingerprint(str(tmp_path / "x.zip"))
