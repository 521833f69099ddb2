"""GTSRB in its three layouts, written here: they agree where they should, and what is wrong is refused and named."""

import hashlib
import io
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from conftest import checked
from PIL import Image

from lab import names
from lab.errors import BadInput
from lab.inputs.folders import Files

GTSRB = names.build("datasets", "gtsrb")
CLASSES = (0, 1, 14)
TRACKS, FRAMES = 12, 2  # of each class


def picture(seed, form):
    """Noise of a size of its own, as a file."""
    rng = np.random.default_rng(seed)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (*rng.integers(10, 60, 2), 3), "uint8")).save(buffer, form)
    return buffer.getvalue()


def training():
    return [(c, t, f) for c in CLASSES for t in range(TRACKS) for f in range(FRAMES)]


def kaggle_files():
    files, rows, test = {}, ["Width,Height,ClassId,Path"], ["Width,Height,ClassId,Path"]
    for c, t, f in training():
        name = f"Train/{c}/{c:05d}_{t:05d}_{f:05d}.png"
        files[name] = picture((c, t, f), "PNG")
        rows.append(f"20,24,{c},{name}")
    for i, c in enumerate(CLASSES):
        files[f"Test/{i:05d}.png"] = picture((99, i), "PNG")
        test.append(f"20,24,{c},Test/{i:05d}.png")
    return files | {"Train.csv": "\n".join(rows).encode(), "Test.csv": "\n".join(test).encode()}


HEAD = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2"


def benchmark_files(root="GTSRB/Final_Training/Images"):
    files, rows = {}, {c: [f"{HEAD};ClassId"] for c in CLASSES}
    for c, t, f in training():
        files[f"{root}/{c:05d}/{t:05d}_{f:05d}.ppm"] = picture((c, t, f), "PPM")
        rows[c].append(f"{t:05d}_{f:05d}.ppm;20;24;1;1;9;9;{c}")
    files |= {f"{root}/{c:05d}/GT-{c:05d}.csv": "\r\n".join(own).encode() for c, own in rows.items()}
    blind, labels = [HEAD], [f"{HEAD};ClassId"]
    for i, c in enumerate(CLASSES):
        files[f"GTSRB/Final_Test/Images/{i:05d}.ppm"] = picture((99, i), "PPM")
        blind.append(f"{i:05d}.ppm;20;24;1;1;9;9")
        labels.append(f"{i:05d}.ppm;20;24;1;1;9;9;{c}")
    files["GTSRB/Final_Test/Images/GT-final_test.test.csv"] = "\r\n".join(blind).encode()
    return files | {"GTSRB/Readme-Images.txt": b"read", "GT-final_test.csv": "\r\n".join(labels).encode()}


def as_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return str(path)


def as_folder(path, files):
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return str(path)


def zipped(files):
    buffer = io.BytesIO()
    as_zip(buffer, files)
    return buffer.getvalue()


def benchmark_archives():
    """The three archives as they are published, as {name: content}."""
    files = benchmark_files()
    return {
        "GTSRB_Final_Training_Images.zip": zipped({n: c for n, c in files.items() if "Training" in n or "Read" in n}),
        "GTSRB_Final_Test_Images.zip": zipped({n: c for n, c in files.items() if "Final_Test/" in n or "Read" in n}),
        "GTSRB_Final_Test_GT.zip": zipped({"GT-final_test.csv": files["GT-final_test.csv"]}),
    }


def ids(data):
    return {name: split.ids.tolist() for name, split in data.splits().items()}


def tracks(split):
    """{(class, track)} of a split's training images, in either layout."""
    return {tuple(i.replace("/", "_").removesuffix(".ppm").split("_")[-3:-1]) for i in split.ids}


# Kaggle's layout


def test_kaggle_reads_a_folder_and_a_zip_alike(tmp_path):
    folder, archive = as_folder(tmp_path / "f", kaggle_files()), as_zip(tmp_path / "a.zip", kaggle_files())
    assert GTSRB.fingerprint(folder) == GTSRB.fingerprint(archive)
    data = checked(GTSRB.load(folder))
    assert data.digest == GTSRB.load(archive).digest and len(data.classes) == 43
    assert {n: s.images.shape for n, s in data.splits().items()} == {
        "train": (60, 32, 32, 3),
        "val": (12, 32, 32, 3),
        "test": (3, 32, 32, 3),
    }


def test_kaggle_is_what_it_was(tmp_path):
    """These digests are of the version that read this layout alone; recorded runs depend on them."""
    files, made = {}, io.BytesIO()
    for label in (0, 1):
        for track in range(5):
            Image.new("RGB", (32, 32), (label * 200, track * 50, 7)).save(made := io.BytesIO(), "BMP")
            files[f"Train/{label}/{label:05d}_{track:05d}_00000.png"] = made.getvalue()
    files["Test/0.png"] = made.getvalue()
    files["Train.csv"] = "\n".join(["ClassId,Path", *(f"{int(n[6])},{n}" for n in files if "Train/" in n)]).encode()
    files["Test.csv"] = b"ClassId,Path\n0,Test/0.png"
    place = as_zip(tmp_path / "a.zip", files)
    data = GTSRB.load(place)
    assert GTSRB.fingerprint(place) == "gtsrb-v1-fd68ba64e227dbb923671b9146c51ffd"
    assert data.digest == "a212a9dd6f8bf75136eaf7ede83881b1df6ad5ed29dcbc1390501ded414f6821"
    assert data.val.ids.tolist() == ["Train/0/00000_00002_00000.png", "Train/1/00001_00004_00000.png"]


def test_kaggle_beside_its_own_archive_is_read_as_without_it(tmp_path):
    place = as_folder(tmp_path / "f" / "unpacked", kaggle_files())
    before, data = GTSRB.fingerprint(str(tmp_path / "f")), GTSRB.load(str(tmp_path / "f"))
    as_zip(tmp_path / "f" / "archive.zip", kaggle_files())
    assert GTSRB.fingerprint(str(tmp_path / "f")) == before
    assert ids(GTSRB.load(str(tmp_path / "f"))) == ids(data) and data.test.ids[0] == "unpacked/Test/00000.png"
    assert GTSRB.load(place).digest == data.digest


def test_kaggle_packed_in_a_folder_is_found(tmp_path):
    place = as_folder(tmp_path / "f", {"archive.zip": zipped(kaggle_files())})
    assert GTSRB.load(place).digest == GTSRB.load(as_folder(tmp_path / "g", kaggle_files())).digest


def test_a_track_is_on_one_side(tmp_path):
    data = GTSRB.load(as_folder(tmp_path, kaggle_files()))
    assert tracks(data.train) and tracks(data.val) and not tracks(data.train) & tracks(data.val)
    assert {c for c, _ in tracks(data.val)} == {"00000", "00001", "00014"}


def test_the_fingerprint_sees_a_changed_byte(tmp_path):
    for number, (files, name) in enumerate(
        [(kaggle_files(), "Test/00000.png"), (benchmark_files(), "GTSRB/Final_Test/Images/00000.ppm")]
    ):
        before = GTSRB.fingerprint(as_zip(tmp_path / f"{number}a.zip", files))
        files[name] = files[name][:-1] + b"!"
        assert GTSRB.fingerprint(as_zip(tmp_path / f"{number}b.zip", files)) != before


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.pop("Train.csv"), "no Train.csv"),
        (lambda f: f.pop("Test.csv"), "no Test.csv"),
        (lambda f: f.pop("Test/00001.png"), "names Test/00001.png, which is not there"),
        (lambda f: f.update({"Test/00001.png": picture(1, "PNG")[:40]}), "Test/00001.png is not a readable image"),
        (lambda f: f.update({"Test/00001.png": picture(1, "PNG")[:-500]}), "Test/00001.png is not a readable image"),
        (lambda f: f.update({"Test/00001.png": b"\x80\x04cos\nsystem\n."}), "not a readable image"),
        (lambda f: f.update({"Test.csv": b"ClassId,Path\n77,Test/00001.png"}), "Test.csv line 2: class 77"),
        (lambda f: f.update({"Test.csv": b"ClassId,Path\n-1,Test/00001.png"}), "Test.csv line 2: class -1"),
        (lambda f: f.update({"Test.csv": b"ClassId,Path\nx,Test/00001.png"}), "not a table with the columns"),
        (lambda f: f.update({"Test.csv": b"ClassId,Path\n1"}), "not a table with the columns"),
        (lambda f: f.update({"Test.csv": b"a;b\n1;2"}), "not a table with the columns"),
        (lambda f: f.update({"Test.csv": b"\xff\xfe" * 999}), "not a table with the columns"),
        (lambda f: f.update({"Test.csv": b"ClassId,Path\n"}), "Test.csv lists no image"),
        (lambda f: f.update({"Test.csv": b"ClassId,Path\n42,Test/00001.png"}), "training has no example of"),
        (lambda f: f.update({"Train.csv": b"ClassId,Path\n1,Test/00001.png"}), "not named CLASS_TRACK_FRAME"),
        (lambda f: f.update({"Train.csv": b"\n".join(f["Train.csv"].split(b"\n")[:3])}), "has one track, 00000, only"),
        (lambda f: f.update({"../evil.png": b"x"}), "leads out of the archive"),
        (lambda f: f.update({"/evil.png": b"x"}), "leads out of the archive"),
        (lambda f: f.update({"Train/7/": b""}), "Train/7 holds no image"),
    ],
)
def test_bad_kaggle_is_refused_and_the_file_named(tmp_path, spoil, said):
    files = kaggle_files()
    spoil(files)
    with pytest.raises(BadInput) as error:
        checked(GTSRB.load(as_zip(tmp_path / "a.zip", files)))
    assert said in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400


# the benchmark's own layout


def ways(path):
    """Every way in which the benchmark's files may lie there."""
    files, archives = benchmark_files(), benchmark_archives()
    mixture = {n: c for n, c in files.items() if "Training" in n} | {
        n: c for n, c in archives.items() if "Training" not in n
    }
    both = files | archives
    return {
        "unpacked": as_folder(path / "unpacked", files),
        "packed": as_folder(path / "packed", archives),
        "deeper": as_folder(path / "deeper", {f"down/{n}": c for n, c in archives.items()}),
        "mixture": as_folder(path / "mixture", mixture),
        "packed and unpacked": as_folder(path / "both", both),
        "without GTSRB/": as_folder(path / "bare", {n.removeprefix("GTSRB/"): c for n, c in files.items()}),
        "one zip": as_zip(path / "one.zip", files),
        "one zip, from a Mac": as_zip(
            path / "mac.zip", {f"x/{n}": c for n, c in files.items()} | {f"__MACOSX/x/{n}": b"" for n in files}
        ),
    }


def test_the_benchmark_is_the_same_packed_and_unpacked(tmp_path):
    found = ways(tmp_path)
    data = {way: checked(GTSRB.load(place)) for way, place in found.items()}
    assert len(data) == 8 and len({d.digest for d in data.values()}) == 1
    assert len({GTSRB.fingerprint(place) for place in found.values()}) == 1
    assert all(ids(d) == ids(data["packed"]) for d in data.values())
    assert data["packed"].test.ids.tolist() == [f"Final_Test/Images/{i:05d}.ppm" for i in range(3)]
    assert data["packed"].train.ids[0].startswith("Final_Training/Images/00000/")


def test_an_unpacked_file_comes_before_its_packed_copy(tmp_path):
    name = "GTSRB/Final_Test/Images/00001.ppm"
    place = as_folder(tmp_path, benchmark_archives() | {name: picture(5, "PPM")})
    test = GTSRB.load(place).test
    assert np.array_equal(test.images[1], Files(place, "gtsrb").image(name, 32))
    assert not np.array_equal(test.images[1], GTSRB.load(as_folder(tmp_path / "f", benchmark_files())).test.images[1])


def test_the_benchmark_and_kaggle_agree(tmp_path):
    kaggle = GTSRB.load(as_folder(tmp_path / "k", kaggle_files()))
    benchmark = GTSRB.load(as_folder(tmp_path / "b", benchmark_archives()))
    for name, split in kaggle.splits().items():
        assert benchmark.splits()[name].digest == split.digest, name
    assert tracks(kaggle.val) == tracks(benchmark.val) and len(tracks(kaggle.val)) == 6


def test_the_older_training_archive_is_read(tmp_path):
    data = GTSRB.load(as_zip(tmp_path / "a.zip", benchmark_files("GTSRB/Training")))
    assert data.train.digest == GTSRB.load(as_zip(tmp_path / "b.zip", benchmark_files())).train.digest
    assert data.train.ids[0].startswith("Training/00000/")


def test_of_both_training_archives_the_complete_one_is_read(tmp_path):
    files = benchmark_files()
    both = files | {n: c for n, c in benchmark_files("GTSRB/Training").items() if "Training/0" in n}
    assert len(both) > len(files)
    assert ids(GTSRB.load(as_zip(tmp_path / "a.zip", both))) == ids(GTSRB.load(as_zip(tmp_path / "b.zip", files)))


def test_a_subset_of_the_classes_is_a_data_set(tmp_path):
    files = {n: c for n, c in benchmark_files().items() if "/00014/" not in n}
    files["GT-final_test.csv"] = b"\n".join(files["GT-final_test.csv"].split(b"\n")[:3])
    assert set(checked(GTSRB.load(as_folder(tmp_path, files))).train.labels) == {0, 1}


CLASS = "GTSRB/Final_Training/Images/00001"
TABLE, PPM = f"{CLASS}/GT-00001.csv", f"{CLASS}/00000_00001.ppm"
ROW = f"{HEAD};ClassId\n00000_00001.ppm;9;9;1;1;1;1;"


def without(part):
    return lambda f: [f.pop(n) for n in list(f) if part in n]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.pop(TABLE), "Final_Training/Images/00001 has no GT-00001.csv"),
        (lambda f: f.pop("GT-final_test.csv"), "has no GT-final_test.csv; put GTSRB_Final_Test_GT.zip there"),
        (without("Final_Test/"), "has no Final_Test/Images/; put GTSRB_Final_Test_Images.zip there"),
        (without("Final_Training/"), "has no Final_Training/Images/; put GTSRB_Final_Training_Images.zip there"),
        (lambda f: f.pop(PPM), "GT-00001.csv line 3 names 00000_00001.ppm, which is not there"),
        (lambda f: f.pop("GTSRB/Final_Test/Images/00001.ppm"), "line 3 names 00001.ppm, which is not there"),
        (lambda f: f.update({PPM: f[PPM][:-1]}), "00000_00001.ppm is not a readable image"),
        (lambda f: f.update({PPM: b""}), "00000_00001.ppm is not a readable image"),
        (lambda f: f.update({PPM: b"P6\n99999 9999 255\n" + f[PPM]}), "99,999 x 9,999 pixels; 200 million are allowed"),
        (lambda f: f.update({TABLE: f"{ROW}43".encode()}), "GT-00001.csv line 2: class 43"),
        (lambda f: f.update({TABLE: f"{ROW}3".encode()}), "the class 3, in the folder of class 1"),
        (lambda f: f.update({TABLE: f"{HEAD};ClassId\r\n".encode()}), "GT-00001.csv lists no image"),
        (lambda f: f.update({TABLE: b""}), "GT-00001.csv is not a table with the columns ClassId and Filename"),
        (lambda f: f.update({"GT-final_test.csv": f"{HEAD}\n00000.ppm;9;9;1;1;1;1".encode()}), "GT-final_test.csv is"),
        (lambda f: f.update({"GT-final_test.csv": f"{HEAD};ClassId\n00000.ppm;9;9;1;1;1;1;40".encode()}), "no example"),
        (lambda f: [f.pop(n) for n in list(f) if "/00001/" in n and ".ppm" in n], "Images/00001 holds no image"),
        (lambda f: f.update({"GTSRB/Final_Training/Images/00040/GT-00040.csv": b""}), "Images/00040 holds no image"),
        (lambda f: f.update({TABLE: f"{ROW}1".encode()}), "class 00001 has one track, 00000, only"),
        (lambda f: f.update({f"{CLASS}/a.ppm": b"", TABLE: f"{HEAD};ClassId\na.ppm;;;;;;;1".encode()}), "not named T"),
    ],
)  # fmt: skip
def test_a_bad_benchmark_is_refused_and_the_file_named(tmp_path, spoil, said, packed):
    files = benchmark_files()
    spoil(files)
    place = as_folder(tmp_path / "f", {"all.zip": zipped(files)} if packed else files)
    with pytest.raises(BadInput) as error:
        GTSRB.fingerprint(place)
        checked(GTSRB.load(place))
    assert said in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400


def test_an_empty_folder_of_a_class_is_refused(tmp_path):
    place = as_folder(tmp_path, benchmark_files())
    (tmp_path / "GTSRB/Final_Training/Images/00030").mkdir()
    with pytest.raises(BadInput, match="00030 holds no image"):
        GTSRB.load(place)


@pytest.mark.parametrize("path", ["../evil.ppm", "GTSRB/../../evil.ppm", "/evil.ppm"])
def test_an_archive_in_a_folder_that_leads_out_of_it_is_refused(tmp_path, path):
    archives = benchmark_archives() | {"z.zip": zipped({path: b"x"})}
    with pytest.raises(BadInput, match=r"z\.zip holds the path .* which leads out of the archive"):
        GTSRB.load(as_folder(tmp_path / "f", archives))


def test_an_archive_in_a_folder_that_is_none_is_named(tmp_path):
    archives = benchmark_archives()
    archives["GTSRB_Final_Test_GT.zip"] = archives["GTSRB_Final_Test_GT.zip"][:-9]
    with pytest.raises(BadInput, match=r"GTSRB_Final_Test_GT\.zip is neither a folder nor a zip archive"):
        GTSRB.fingerprint(as_folder(tmp_path / "f", archives))


def test_a_damaged_file_in_an_archive_is_named(tmp_path):
    archives = benchmark_archives()
    name = "GTSRB_Final_Test_Images.zip"
    content = benchmark_files()["GTSRB/Final_Test/Images/00002.ppm"]
    archives[name] = archives[name].replace(content, content[:-9] + b"123456789")
    with pytest.raises(
        BadInput, match=r"GTSRB_Final_Test_Images\.zip/GTSRB/Final_Test/Images/00002\.ppm cannot be read"
    ):
        GTSRB.load(as_folder(tmp_path / "f", archives))


# Traffic Signs Preprocessed


def arrays(count=30, bands=3, seed=0):
    """A dictionary as in data0.pickle: whole numbers, channels last, labels as numbers."""
    rng = np.random.default_rng(seed)
    made = {"labels": [f"sign {i}" for i in range(43)]}
    for split, n in (("train", count), ("validation", 5), ("test", 6)):
        made[f"x_{split}"] = rng.integers(0, 256, (n, 32, 32, bands), "uint8")
        made[f"y_{split}"] = np.arange(n) % 3
    return made


def changed(made, x=lambda v: v, y=lambda v: v):
    return {k: x(v) if k[:2] == "x_" else y(v) if k[:2] == "y_" else v for k, v in made.items()}


def as_pickle(folder, made, protocol=4, name="data0.pickle"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(made if isinstance(made, bytes) else pickle.dumps(made, protocol))
    return str(folder / name)


def python2(array):
    """The opcodes by which Python 2 and numpy 1 wrote an array: its bytes are text."""
    text = b"T" + struct.pack("<i", array.nbytes) + array.tobytes()
    shape = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in array.shape) + b"t"
    code = array.dtype.str[1:].encode()
    kind = b"cnumpy\ndtype\n(U" + bytes([len(code)]) + code + b"K\x00K\x01tR(K\x03U\x01" + array.dtype.str[:1].encode()
    kind += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    return start + b"(K\x01" + shape + kind + b"\x89" + text + b"tb"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("layout", ["last", "first", "first, a view", "fortran", "columns first"])
def test_a_pickle_is_read_in_every_protocol_and_layout(tmp_path, protocol, layout):
    made = arrays()
    turned = {
        "last": lambda v: v,
        "first": lambda v: v.transpose(0, 3, 1, 2).copy(),
        "first, a view": lambda v: v.transpose(0, 3, 1, 2),
        "fortran": np.asfortranarray,
        "columns first": lambda v: v.transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3),
    }[layout]
    data = checked(GTSRB.load(as_pickle(tmp_path / "p", changed(made, turned), protocol)))
    for split, own in (("train", data.train), ("validation", data.val), ("test", data.test)):
        assert np.array_equal(own.images, made[f"x_{split}"]) and own.images.dtype == np.uint8
        assert np.array_equal(own.labels, made[f"y_{split}"]) and own.labels.dtype == np.int64
    assert [s.ids[1] for s in data.splits().values()] == ["train/1", "val/1", "test/1"]


def test_a_pickle_of_python_2_is_read(tmp_path):
    made = arrays()
    opcodes = b"\x80\x02}(" + b"".join(
        b"U" + bytes([len(k)]) + k.encode() + (python2(v) if isinstance(v, np.ndarray) else b"]")
        for k, v in made.items()
    )
    data = GTSRB.load(as_pickle(tmp_path / "p", opcodes + b"u."))
    assert np.array_equal(data.train.images, made["x_train"]) and np.array_equal(data.test.labels, made["y_test"])


def test_numpy_1_and_2_name_their_modules_differently(tmp_path):
    content = pickle.dumps(arrays(), 2)
    renamed = content.replace(b"numpy._core", b"numpy.core")
    assert renamed != content
    data = GTSRB.load(as_pickle(tmp_path / "a", content))
    assert data.digest == GTSRB.load(as_pickle(tmp_path / "b", renamed)).digest


@pytest.mark.parametrize(
    "y",
    [
        lambda v: np.eye(43, dtype="float32")[v],
        lambda v: np.eye(43, dtype="uint8")[v],
        lambda v: v.astype("uint8"),
        lambda v: v.astype("float64"),
        lambda v: v.astype(">i4")[:, None],
        lambda v: v.tolist(),
    ],
)
@pytest.mark.parametrize("protocol", [0, 5])
def test_labels_may_be_numbers_or_rows(tmp_path, y, protocol):
    data = GTSRB.load(as_pickle(tmp_path / "p", changed(arrays(), y=y), protocol))
    assert data.train.labels.tolist() == [i % 3 for i in range(30)] and data.train.labels.dtype == np.int64


@pytest.mark.parametrize(
    "x",
    [
        lambda v: v.astype("float32"),
        lambda v: v.astype("float64"),
        lambda v: v.astype(">f4"),
        lambda v: v.astype("int64"),
        lambda v: v.astype("float32") / 255,
        lambda v: v.astype("float64") / 255,
        lambda v: v + 0.3 * (v < 255),  # grey is 0.299 R + 0.587 G + 0.114 B, no whole number
    ],
)
def test_values_up_to_255_or_1_become_what_they_were(tmp_path, x):
    made = arrays()
    data = GTSRB.load(as_pickle(tmp_path / "p", changed(made, x)))
    assert np.array_equal(data.train.images, made["x_train"]) and np.array_equal(data.val.images, made["x_validation"])


def test_whole_numbers_stay_what_they_are(tmp_path):
    made = changed(arrays(), lambda v: (v // 128).astype("float32"))
    assert np.array_equal(GTSRB.load(as_pickle(tmp_path / "p", made)).train.images, made["x_train"])


def test_one_split_alone_does_not_decide_the_scale(tmp_path):
    """A dark validation split is not taken for values from 0 to 1."""
    made = changed(arrays(), lambda v: v.astype("float32"))
    made["x_validation"] = np.full((5, 32, 32, 3), 0.5, "float32")
    assert GTSRB.load(as_pickle(tmp_path / "p", made)).val.images.max() == 0


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("deviation", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_mean_image_is_undone_by_the_range_of_training(tmp_path, bands, deviation, first):
    made = arrays(bands=bands)
    made["x_train"] = made["x_train"] // 2 + 60  # so that validation reaches beyond it
    made["x_train"][:, 3, 4] = 77  # a pixel that never changes
    unit = made["x_train"].astype("float32") / 255
    mean, spread = unit.mean(axis=0), unit.std(axis=0) + 1e-3 if deviation else 1
    done = changed(made, lambda v: (v.astype("float32") / 255 - mean) / spread)
    if first:
        done = changed(done, lambda v: v.transpose(0, 3, 1, 2))
    data = GTSRB.load(as_pickle(tmp_path / "p", done))
    low, high = made["x_train"].min(axis=0).astype(float), made["x_train"].max(axis=0).astype(float)
    for key, split in (("x_train", data.train), ("x_validation", data.val), ("x_test", data.test)):
        expected = np.clip((made[key] - low) * (255 / np.where(high > low, high - low, np.inf)), 0, 255)
        assert np.abs(split.images - expected).max() <= 0.51, key
    changing = np.ones((32, 32, bands), bool)
    changing[3, 4] = False
    assert (data.train.images.min(axis=0) == 0).all() and (data.train.images.max(axis=0)[changing] == 255).all()
    assert (data.val.images == 255).any() and (data.train.images[:, 3, 4] == 0).all()


@pytest.mark.parametrize("bands", [1, 3])
def test_other_sizes_are_resized_image_by_image(tmp_path, bands):
    made = arrays(bands=bands)
    data = names.build("datasets", "gtsrb(px=20)").load(as_pickle(tmp_path / "p", made))
    picture = Image.fromarray(made["x_train"][7].squeeze()).resize((20, 20), Image.Resampling.BILINEAR)
    assert data.train.images.shape == (30, 20, 20, bands)
    assert np.array_equal(data.train.images[7].squeeze(), np.asarray(picture))


def test_chunks_do_not_show(tmp_path, monkeypatch):
    from lab.datasets import _gtsrb_pickle

    made = changed(arrays(), lambda v: v.astype("float32") - 99)
    place = as_pickle(tmp_path / "p", made)
    whole = GTSRB.load(place).digest
    monkeypatch.setattr(_gtsrb_pickle, "CHUNK", 7)
    assert GTSRB.load(place).digest == whole


def test_a_pickle_is_the_same_alone_in_a_folder_and_packed(tmp_path):
    alone = as_pickle(tmp_path / "p", arrays())
    content = (tmp_path / "p" / "data0.pickle").read_bytes()
    places = [alone, str(tmp_path / "p"), as_zip(tmp_path / "a.zip", {"data0.pickle": content})]
    places.append(as_folder(tmp_path / "f", {"data0.pickle.zip": zipped({"data0.pickle": content})}))
    places.append(as_folder(tmp_path / "m", {"data0.pickle": content, "mean_image_rgb.pickle": b"x"}))
    assert len({GTSRB.load(place).digest for place in places}) == 1
    assert {GTSRB.fingerprint(p) for p in places} == {f"gtsrb-v1-{hashlib.sha256(content).hexdigest()}"}


def test_of_several_pickles_one_must_be_named(tmp_path):
    for i in range(9):
        place = as_pickle(tmp_path / "p", arrays(seed=i), name=f"data{i}.pickle")
    with pytest.raises(BadInput, match=r"holds 9 pickles.*--data-dir FOLDER/data0\.pickle"):
        GTSRB.fingerprint(str(tmp_path / "p"))
    assert np.array_equal(GTSRB.load(place).train.images, arrays(seed=8)["x_train"])


def put(key, value):
    return lambda made: made.update({key: value})


BAD_PICKLES = [
    (lambda m: m.pop("x_test"), "has no x_test"),
    (lambda m: m.pop("y_validation"), "has no y_validation"),
    (put("x_train", [1, 2]), "x_train list"),
    (put("x_train", np.zeros((30, 32, 32))), "x_train (30, 32, 32); it must be"),
    (put("x_train", np.zeros((30, 32, 32, 2))), "of 1 or 3 channels"),
    (put("x_train", np.zeros((30, 32, 16, 3))), "of 1 or 3 channels"),
    (put("x_train", np.zeros((0, 32, 32, 3))), "x_train (0, 32, 32, 3)"),
    (put("x_train", np.zeros((30, 16, 16, 3))), "images of several shapes"),
    (put("x_train", np.zeros((30, 32, 32, 3), "U1")), "an array of numbers"),
    (put("x_train", np.zeros((30, 32, 32, 3), "complex64")), "another type than numbers"),
    (put("x_train", np.zeros((30, 32, 32, 3), "O")), "an array of objects, which is refused"),
    (put("x_train", np.zeros((30, 32, 32, 3), [("a", "O")])), "which is refused"),
    (put("x_train", np.zeros((30, 32, 32, 3), [("a", "f4")])), "which is refused"),
    (put("x_train", np.full((30, 32, 32, 3), np.nan)), "x_train that are not finite"),
    (put("x_test", np.full((6, 32, 32, 3), np.inf)), "x_test that are not finite"),
    (put("x_test", np.full((6, 32, 32, 3), -1e300)), "or absurdly large"),
    (put("x_test", np.full((6, 32, 32, 3), -(2**63))), "or absurdly large"),
    (put("y_train", np.arange(29)), "y_train (29,) for 30 images"),
    (put("y_train", np.full(30, 43)), "the label 43 in y_train; labels are 0 to 42"),
    (put("y_train", np.full(30, -1.0)), "the label -1.0 in y_train"),
    (put("y_train", np.full(30, 0.5)), "the label 0.5 in y_train"),
    (put("y_train", np.full(30, np.nan)), "the label nan in y_train"),
    (put("y_train", [0] * 29 + [10**30]), "y_train that is no array"),
    (put("y_train", ["a"] * 30), "y_train that is no array"),
    (put("y_train", np.zeros((30, 43))), "not a single 1 among 0s"),
    (put("y_train", np.full((30, 43), 1 / 43)), "not a single 1 among 0s"),
    (put("y_train", np.zeros((30, 44))), "y_train (30, 44) for 30 images"),
    (put("y_test", np.full(6, 42)), "training has no example of"),
    (put("labels", {1, 2}), "no pickle of arrays"),
    (put("labels", {(1, 2): 3}), "keys that are neither text nor numbers"),
]


@pytest.mark.parametrize("protocol", [0, 5])
@pytest.mark.parametrize(("spoil", "said"), BAD_PICKLES)
def test_a_bad_pickle_is_refused_and_the_file_named(tmp_path, spoil, said, protocol):
    made = arrays()
    spoil(made)
    with pytest.raises(BadInput) as error:
        checked(GTSRB.load(as_pickle(tmp_path / "p", made, protocol)))
    message = str(error.value)
    assert ("data0.pickle" in message or "no example" in message) and "\n" not in message and len(message) < 400
    assert said in message or (protocol == 0 and "set" in message and "wants to import" in message)


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def hostile():
    """Pickles that make a file `ran` when they are read by Python's own reader."""
    touch = "open('ran', 'w').close()"
    system = Call(os.system, "touch ran")
    return {
        "os.system": system,
        "eval": Call(eval, touch),
        "exec in an array's place": {"x_train": Call(exec, touch)},
        "nested in arguments": Call(np.array, [Call(os.system, "touch ran")]),
        "in a list in a tuple": {"x_train": ([system],)},
        "in an object array": {"x_train": np.array([system, system], dtype=object)},
        "after good arrays": arrays() | {"z": system},
        "INST": b"(S'touch ran'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'touch ran'\no.",
        "in a type's state": b"cnumpy\ndtype\n(S'f4'\ntR(S'touch ran'\nios\nsystem\nb.",
        "Python 2's name": b"c__builtin__\neval\n(S'" + touch.replace("'", "\\'").encode() + b"'\ntR.",
    }


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("name", hostile())
def test_a_pickle_with_code_is_refused_and_nothing_of_it_runs(tmp_path, monkeypatch, name, protocol):
    monkeypatch.chdir(tmp_path)
    made = hostile()[name]
    place = as_pickle(tmp_path / "p", made, protocol)
    content = (tmp_path / "p" / "data0.pickle").read_bytes()
    try:
        pickle.loads(content)
    except Exception as error:
        print(error)  # some fail after they have done what they came for
    assert (tmp_path / "ran").exists(), "the test's own pickle does nothing"
    (tmp_path / "ran").unlink()
    with pytest.raises(BadInput) as error:
        GTSRB.load(place)
    assert not (tmp_path / "ran").exists()
    message = str(error.value)
    assert "data0.pickle" in message and "\n" not in message and "refused" in message
    if "object" not in name:
        assert "wants to import" in message and "nothing of it was run" in message


WHOLE = pickle.dumps(changed(arrays(3), lambda v: v[:, :8, :8]), 4)
DEEP = b"}K\x00" + b"\x85" * 200_000 + b"K\x01s."
ENCODED = b"c_codecs\nencode\np1\n0X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"p2\n0]("
ENCODED += b"g1\n(g2\nVlatin1\ntR" * 5000 + b"e."
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
KIND = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR"
DAMAGED = {
    "empty": b"",
    "text": b"hello, world",
    "no dictionary": pickle.dumps([1]),
    "nothing": pickle.dumps(None),
    "without an end": WHOLE[:-1],
    "protocol 77": b"\x80\x4d}.",
    "stack underflow": b"0000.",
    "no mark": b"u.",
    "long bytes": b"\x8e" + b"\xff" * 6 + b"\0\0" + b"x.",
    "long bytearray": b"\x96" + struct.pack("<Q", 2 << 30) + b"x.",
    "absurd bytearray": b"\x96" + b"\xff" * 8 + b"x.",
    "long text": b"\x8d" + struct.pack("<Q", 2 << 30) + b"x.",
    "long frame": b"\x80\x04\x95" + struct.pack("<Q", 2 << 30) + b"}.",
    "far memo": b"}r\xff\xff\xff\x7f.",
    "memo that is not there": b"j\xff\xff\xff\x7f.",
    "deep key": DEEP,
    "deep keys": b"}(K\x00" + b"\x85" * 200_000 + b"K\x01u.",
    "deep key, protocol 0": b"(K\x00" + b"\x85" * 200_000 + b"K\x01d.",
    "deep set": b"\x8f(K\x00" + b"\x85" * 200_000 + b"\x90.",
    "encoded without end": ENCODED,
    "array made directly": b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR.",
    "array without content": b"}U\x07x_train" + ARRAY + b"s.",
    "array shorter than its shape": ARRAY + b"(K\x01(J\xff\xff\xff\x7ft" + KIND + b"\x89U\x04abcdtb.",
    "array of negative shape": ARRAY + b"(K\x01(J\xff\xff\xff\xfft" + KIND + b"\x89U\x04abcdtb.",
    "array of no type": ARRAY + b"(K\x01(K\x01tN\x89U\x04abcdtb.",
    "type with state": b"cnumpy\ndtype\n(U\x02f4tR(K\x03U\x01<NN}K\x01K\x01K\x00tb.",
    "state of a function": b"cnumpy\ndtype\n}U\x08__code__K\x00sb.",
    "new object": b"cnumpy\nndarray\n)\x81.",
    "extension": b"\x82\x01.",
    "persistent": b"Px\n.",
    "out of band": b"\x97.",
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_or_absurd_pickle_is_one_line_and_takes_no_memory(tmp_path, name):
    place = as_pickle(tmp_path / "p", DAMAGED[name])
    packed = as_zip(tmp_path / "a.zip", {"data0.pickle": DAMAGED[name]})
    tracemalloc.start()
    try:
        for where in (place, packed):
            with pytest.raises(BadInput) as error:
                GTSRB.load(where)
            assert "data0.pickle" in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400
        assert tracemalloc.get_traced_memory()[1] < 150 << 20
    finally:
        tracemalloc.stop()


def test_no_cut_and_no_flipped_byte_does_more_than_be_refused(tmp_path):
    rng = np.random.default_rng(0)
    kinds = [pickle.dumps(changed(arrays(3), lambda v: v[:, :8, :8]), p) for p in (0, 2, 5)]
    refused = 0
    for number in range(600):
        content = bytearray(kinds[number % 3])
        where = int(rng.integers(len(content)))
        if number % 2:
            content = content[:where]
        else:
            interesting = [i for i in range(len(content)) if i < 300 or i > len(content) - 300]
            content[interesting[int(rng.integers(len(interesting)))]] = int(rng.integers(256))
        try:
            GTSRB.load(as_pickle(tmp_path / "p", bytes(content)))
        except BadInput as error:
            refused += 1
            assert "data0.pickle" in str(error) and "\n" not in str(error)
    assert refused > 300


def test_a_pickle_cut_in_a_name_is_damaged_not_hostile(tmp_path):
    content = pickle.dumps(arrays(3), 2)
    with pytest.raises(BadInput, match=r"data0\.pickle is damaged"):
        GTSRB.load(as_pickle(tmp_path / "p", content[: content.index(b"multiarray") + 5]))


def test_a_pickle_that_is_too_large_is_not_read(tmp_path):
    place = as_pickle(tmp_path / "p", b"")
    os.truncate(place, (8 << 30) + 1)  # a hole: it takes no room
    for read in (GTSRB.fingerprint, GTSRB.load):
        with pytest.raises(BadInput, match=r"data0\.pickle has 8,589,934,593 bytes; 8,589,934,592 are allowed"):
            read(place)


# what is there, and what is not


def test_gtsrb_without_a_folder_says_what_to_do(tmp_path):
    with pytest.raises(BadInput, match=r"--data-dir .*python -m lab\.download gtsrb --to FOLDER"):
        GTSRB.fingerprint(None)
    with pytest.raises(BadInput, match="no such folder"):
        GTSRB.fingerprint(str(tmp_path / "none"))
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(BadInput, match="neither a folder nor a zip"):
        GTSRB.fingerprint(str(tmp_path / "x.zip"))
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a.png").write_bytes(b"")
    with pytest.raises(BadInput, match=r"^f holds nothing that gtsrb reads: neither Train\.csv") as error:
        GTSRB.load(str(tmp_path / "f"))
    assert "\n" not in str(error.value)


def test_this_folder_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=str(tmp_path)):
        GTSRB.load(".")
