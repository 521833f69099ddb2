"""A user's own images: which files, labels, splits and pixels come out of what is on the disk."""

import hashlib
import os
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import checked, photos
from PIL import Image

from lab.datasets import opened
from lab.errors import BadInput
from lab.inputs import folders, index
from lab.inputs.decoding import LARGEST, decoded
from lab.inputs.folders import Files
from lab.inputs.splitting import SHARES, dealt, strata, united
from lab.runs.spec import Run, resolve, resolve_all


def load(place, data_dir=None, size=16, group=None, skip_corrupt=False):
    dataset, where = opened(str(place), data_dir)
    dataset = dataset.told(size, group, skip_corrupt)
    dataset.fingerprint(where)
    return checked(dataset.load(where))


def fingerprint(place, group=None):
    dataset, where = opened(str(place), None)
    return dataset.told(16, group, False).fingerprint(where)


def ids(data):
    return {name: set(split.ids.tolist()) for name, split in data.splits().items()}


@pytest.fixture
def folder(tmp_path):
    """Two classes of twenty images."""
    return photos(
        tmp_path / "my_photos", {f"{c}/{i:02d}.png": n for n, c in enumerate(("cat", "dog")) for i in range(20)}
    )


# Folders


def test_class_folders_are_dealt_70_15_15_the_same_way_each_time(folder):
    data, again = load(folder), load(folder)
    assert data.classes == ("cat", "dog")
    assert {n: np.bincount(s.labels).tolist() for n, s in data.splits().items()} == {
        "train": [14, 14], "val": [3, 3], "test": [3, 3],
    }  # fmt: skip
    assert ids(data) == ids(again) and data.digest == again.digest
    for split in data.splits().values():
        for image, label, name in zip(split.images[np.arange(len(split))], split.labels, split.ids, strict=True):
            assert name.startswith(data.classes[label] + "/")
            assert np.array_equal(image, np.asarray(Image.open(folder / name)))


def test_splits_that_are_there_are_kept_and_a_missing_one_comes_out_of_train(tmp_path):
    tree = {f"{s}/{c}/{i}.png": n for s in ("Training", "valid", "test") for n, c in enumerate("ab") for i in range(10)}
    data = load(photos(tmp_path / "three", tree))
    assert {n: {i.partition("/")[0] for i in found} for n, found in ids(data).items()} == {
        "train": {"Training"}, "val": {"valid"}, "test": {"test"},
    }  # fmt: skip
    shutil.rmtree(tmp_path / "three" / "valid")
    two = load(tmp_path / "three")
    assert ids(two)["test"] == ids(data)["test"] and np.bincount(two.val.labels).tolist() == [2, 2]
    assert ids(two)["train"] | ids(two)["val"] == ids(data)["train"]


def test_a_zip_is_read_as_the_folder_that_it_holds(folder, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder.parent, folder.name)
    data, packed = load(folder), load(archive)
    assert packed.classes == data.classes
    assert packed.train.digest == data.train.digest
    assert {i.partition("/")[2] for i in ids(packed)["test"]} == ids(data)["test"]


def test_numbered_classes_are_in_the_order_of_their_numbers(tmp_path):
    data = load(photos(tmp_path, {f"{c}/{i}.png": c for c in (10, 9, 2) for i in range(5)}))
    assert data.classes == ("2", "9", "10")


def test_hidden_files_and_other_files_are_no_examples(folder):
    before = load(folder)
    photos(folder, {".thumbs/x/1.png": 0, "cat/.hidden.png": 1})
    (folder / "notes.txt").write_text("mine")
    assert ids(load(folder)) == ids(before)


def test_a_group_stays_on_one_side_by_expression_and_by_table(tmp_path):
    tree = {f"{c}/scene{i // 4}_{i % 4}.png": n for n, c in enumerate("ab") for i in range(40)}
    folder = photos(tmp_path / "frames", tree)
    data = load(folder, group=r"scene(\d+)_")
    scenes = {n: {i.split("scene")[1].partition("_")[0] for i in found} for n, found in ids(data).items()}
    assert all(scenes.values()) and not scenes["train"] & (scenes["val"] | scenes["test"])
    assert not scenes["val"] & scenes["test"] and len(set.union(*scenes.values())) == 10
    table = tmp_path / "groups.csv"
    table.write_text("path,group\n" + "".join(f"{p},{p.split('scene')[1][:1]}\n" for p in tree))
    assert ids(load(folder, group=str(table))) == ids(data)
    assert fingerprint(folder, str(table)) != fingerprint(folder)


def test_copies_of_one_image_stay_on_one_side(folder):
    for i in range(10):
        shutil.copy(folder / "cat/00.png", folder / f"cat/copy{i}.png")
    sides = [{i for i in found if "copy" in i or i == "cat/00.png"} for found in ids(load(folder)).values()]
    assert sorted(map(len, sides)) == [0, 0, 11]


def test_the_fingerprint_is_of_the_content_not_of_the_place(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    assert fingerprint(copy) == fingerprint(folder)
    Image.new("RGB", (16, 16)).save(copy / "cat/00.png")
    assert fingerprint(copy) != fingerprint(folder)


def test_a_file_is_looked_at_again_only_when_it_changed(folder, monkeypatch):
    looked = []
    real = index.look
    monkeypatch.setattr(index, "look", lambda files, name: looked.append(name) or real(files, name))
    first = fingerprint(folder)
    assert len(looked) == 40
    assert fingerprint(folder) == first and len(looked) == 40
    os.utime(folder / "cat/03.png", ns=(1, 1))
    assert fingerprint(folder) == first and looked[40:] == ["cat/03.png"]


def test_what_is_kept_of_a_torn_line_is_looked_at_again(folder, monkeypatch):
    first = fingerprint(folder)
    place = index._place(Files(str(folder), "x"), "")
    lines = place.read_bytes().splitlines()
    place.write_bytes(b"\n".join([lines[1][:50], b"7", b"[]", *lines[2:]]))
    looked = []
    real = index.look
    monkeypatch.setattr(index, "look", lambda files, name: looked.append(name) or real(files, name))
    assert fingerprint(folder) == first and looked == ["cat/00.png"]


def test_a_folder_is_listed_once_for_all_runs_and_anew_for_the_next(folder, tmp_path, monkeypatch):
    listed = []
    real = folders._listed
    monkeypatch.setattr(folders, "_listed", lambda root: listed.append(root) or real(root))
    runs = [Run(dataset=str(folder), strategy="scratch", seed=seed) for seed in (0, 1)]
    found = {r.choices["data_fingerprint"] for r in resolve_all(runs, tmp_path)}
    assert listed == [folder] and found == {fingerprint(folder)}
    Image.new("RGB", (16, 16)).save(folder / "cat/new.png")
    (folder / "cat/01.png").unlink()
    listed.clear()
    assert resolve(runs[0], tmp_path).choices["data_fingerprint"] not in found and listed == [folder]


def test_links_and_what_cannot_be_read_are_listed_as_what_they_are(folder):
    (folder / "cat/link.png").symlink_to(folder / "cat/00.png")
    (folder / "cat/lost.png").symlink_to(folder / "nothing")
    (folder / "all").symlink_to(folder)
    there = folders.listed(folder)
    assert "cat/link.png" in there.files and "cat/lost.png" in there.others
    assert "all" in there.folders and not any(n.startswith("all/") for n in there.files)
    assert there.files["cat/link.png"] == there.files["cat/00.png"] == Files(str(folder), "x").stamp("cat/00.png")


# Pixels

RED = (200, 30, 30)


def file_of(tmp_path, image, name="x.png", **options):
    image.save(tmp_path / name, **options)
    return (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("image", "name", "expected"),
    [
        (Image.new("RGB", (9, 5), RED), "x.webp", RED),
        (Image.new("RGB", (9, 5), RED), "x.tiff", RED),
        (Image.new("RGB", (9, 5), RED).convert("CMYK"), "x.jpg", RED),
        (Image.new("RGB", (9, 5), RED).quantize(4), "x.png", RED),
        (Image.new("L", (9, 5), 77), "x.png", (77, 77, 77)),
        (Image.new("1", (9, 5), 1), "x.png", (255, 255, 255)),
        (Image.new("RGBA", (9, 5), (*RED, 255)), "x.png", RED),
        (Image.new("RGBA", (9, 5), (*RED, 0)), "x.png", (255, 255, 255)),
        (Image.new("LA", (9, 5), (0, 0)), "x.png", (255, 255, 255)),
        (Image.fromarray(np.full((5, 9), 257 * 120, "uint16")), "x.png", (120, 120, 120)),
        (Image.fromarray(np.full((5, 9), 257 * 120, "uint16")), "x.tif", (120, 120, 120)),
        (Image.fromarray(np.full((5, 9), 257 * 9, "int32")), "x.tif", (9, 9, 9)),
    ],
)  # fmt: skip
def test_every_kind_of_file_becomes_the_colour_that_a_viewer_shows(tmp_path, image, name, expected):
    options = {"lossless": True} if name.endswith("webp") else {"quality": 100} if name.endswith("jpg") else {}
    pixels = decoded(file_of(tmp_path, image, name, **options), 8)
    assert pixels.shape == (8, 8, 3) and pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - expected).max() <= 3


def test_a_photograph_stands_upright(tmp_path):
    image = Image.new("RGB", (32, 32), "black")
    image.paste("white", (0, 0, 32, 16))  # the upper half, as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter to be seen
    pixels = decoded(file_of(tmp_path, image, "x.jpg", exif=exif, quality=95), 8)
    assert pixels[:, 5:].mean() > 240 and pixels[:, :3].mean() < 15


@pytest.mark.parametrize(("fit", "wide", "high"), [("squash", 10, 20), ("crop", 20, 20), ("pad", 10, 10 + 20)])
def test_a_size_may_be_oblong(tmp_path, fit, wide, high):
    image = Image.new("RGB", (60, 40), "white")
    image.paste("black", (20, 10, 40, 30))
    black = decoded(file_of(tmp_path, image), (40, 30), fit).mean(axis=2) < 128
    assert black.shape == (40, 30) and black[20].sum() == wide and black[:, 15].sum() == high


def test_a_folder_is_read_at_an_oblong_size(folder):
    data = load(folder, size="20x10")
    assert data.shape == (10, 20, 3) and data.train.images[np.arange(2)].shape == (2, 10, 20, 3)
    assert data.digest != load(folder, size=20).digest


def test_what_a_square_run_recorded_is_the_same_as_before_there_were_others(folder):
    dataset, where = opened(str(folder), None)
    told = dataset.told(16, None, False)
    sha256 = hashlib.sha256((folder / "cat/00.png").read_bytes()).hexdigest()
    assert str(told) == "folder(px=16)" and f"{sha256} 16 squash" in {
        str(c) for split in told.load(where).splits().values() for c in split.content
    }


@pytest.mark.parametrize("px", ["4", "9999", "'240 x 180'", "'240x4'", "True", "1.5"])
def test_a_size_that_is_none_is_refused(px):
    with pytest.raises(BadInput, match=r"px (takes pixels from 8 to 4,096, as 64 or 240x180|must be)"):
        opened(f"folder(px={px})", None)


@pytest.mark.parametrize(("fit", "edges", "middle"), [("squash", 255, 0), ("crop", 0, 0), ("pad", 255, 0)])
def test_an_oblong_is_squashed_cropped_or_padded(tmp_path, fit, edges, middle):
    image = Image.new("RGB", (60, 20), "white")
    image.paste("black", (20, 0, 40, 20))
    pixels = decoded(file_of(tmp_path, image), 20, fit)
    assert pixels[10, 0].mean() == edges and pixels[10, 10].mean() == middle
    assert pixels[0, 0].mean() == (0 if fit in ("crop", "pad") else 255)


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(tmp_path):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (8, 8, 3)).astype("uint8")).resize(
        (1600, 1600), Image.Resampling.BICUBIC
    )
    jpeg, png = decoded(file_of(tmp_path, image, "x.jpg", quality=97), 64), decoded(file_of(tmp_path, image), 64)
    assert np.abs(jpeg.astype(int) - png).mean() < 2


# Tables and arrays


def test_a_table_says_paths_labels_splits_and_groups(tmp_path):
    tree = {f"images/{i:02d}.png": i % 2 for i in range(30)}
    photos(tmp_path, tree)
    rows = [{"Filename": p, "label": "odd" if n else "even"} for p, n in tree.items()]
    table = tmp_path / "labels.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    data = load(table)
    assert data.classes == ("even", "odd") and sum(map(len, data.splits().values())) == 30
    frame = pd.DataFrame(rows).assign(split=["train"] * 20 + ["val"] * 4 + ["test"] * 6)
    frame["Filename"] = [p.removeprefix("images/").removesuffix(".png") for p in tree]
    frame.to_parquet(tmp_path / "labels.parquet")
    given = load(tmp_path / "labels.parquet", str(tmp_path / "images"))
    assert [len(s) for s in given.splits().values()] == [20, 4, 6]
    assert np.array_equal(
        given.train.images[np.arange(1)][0], np.asarray(Image.open(tmp_path / given.train.ids[0].join(["images/", ""])))
    )
    grouped = pd.DataFrame(rows).assign(group=[str(i // 3) for i in range(30)])
    grouped.to_csv(tmp_path / "tracks.tsv", index=False, sep="\t")
    sides = [{int(i[7:9]) // 3 for i in found} for found in ids(load(tmp_path / "tracks.tsv")).values()]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


def test_a_table_of_other_columns_is_read_when_they_are_named(tmp_path):
    photos(tmp_path, {f"{i}.png": i % 2 for i in range(20)})
    (tmp_path / "t.csv").write_text("slide,finding\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(20)))
    dataset, _ = opened("table(path='slide',label='finding')", str(tmp_path / "t.csv"))
    assert dataset.told(16, None, False).load(str(tmp_path / "t.csv")).classes == ("a", "b")


@pytest.mark.parametrize(
    ("names", "change"),
    [
        (("x_{}", "y_{}"), lambda x: x),
        (("{}_images", "{}_labels"), lambda x: x.transpose(0, 3, 1, 2)),
        (("x_{}", "y_{}"), lambda x: x / 255),
        (("X_{}", "Y_{}"), lambda x: x.astype("uint16") * 257),
        (("x_{}", "y_{}"), lambda x: x.astype("float32")),
    ],
)
def test_arrays_of_any_usual_name_type_and_order_of_axes(tmp_path, names, change):
    rng = np.random.default_rng(0)
    parts = {
        s: (rng.integers(0, 256, (n, 8, 8, 3)).astype("uint8"), np.arange(n) % 3)
        for s, n in (("train", 40), ("test", 9))
    }
    held = {}
    for split, (x, y) in parts.items():
        held[names[0].format(split)], held[names[1].format(split)] = change(x), np.eye(3)[y]
    np.savez(tmp_path / "d.npz", **held)
    data = load(tmp_path / "d.npz", size=8)
    assert np.array_equal(data.test.images, parts["test"][0]) and np.array_equal(data.test.labels, parts["test"][1])
    assert len(data.train) == 34 and len(data.val) == 6 and data.classes == ("0", "1", "2")


def test_arrays_without_splits_are_dealt_and_their_classes_named(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype("uint8")
    np.savez(tmp_path / "d.npz", x=x, y=np.array(["no", "yes"])[np.arange(40) % 2])
    data = load(tmp_path / "d.npz")
    assert data.classes == ("no", "yes") and data.shape == (8, 8, 1)
    assert [len(s) for s in data.splits().values()] == [28, 6, 6]


# Dealing


def test_every_split_has_its_share_of_every_class_and_every_example_is_in_one():
    labels = np.repeat([0, 1, 2], [100, 20, 10])
    parts = dealt(labels, np.arange(130), [None] * 130, "x")
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(130))
    assert {n: np.bincount(labels[p]).tolist() for n, p in parts.items()} == {
        "train": [70, 14, 6], "val": [15, 3, 2], "test": [15, 3, 2],
    }  # fmt: skip


@pytest.mark.parametrize("count", [20, 25, 30, 40, 80, 100, 150, 200, 442])
def test_numbers_are_dealt_in_the_same_shares_few_as_they_may_be(count):
    numbers = np.random.default_rng(count).normal(size=(count, 1))
    parts = dealt(strata(numbers), np.arange(count), [None] * count, "x")
    for split, share in SHARES.items():
        assert abs(len(parts[split]) - share * count) <= max(2, 0.02 * count), split


def test_groups_are_united_by_whatever_they_share():
    assert united(["a", "b", "", "a", ""], ["x", "y", "y", "z", ""]).tolist() == [0, 1, 1, 0, 2]


# What is wrong


def spoil(path, content):
    path.write_bytes(content)


def huge_png():
    """The header of a PNG of 50,000 x 50,000 pixels."""
    import struct
    import zlib

    chunks = [b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(9))]
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: spoil(f / "cat/00.png", b"no image"), "my_photos/cat/00.png is not a readable image"),
        (lambda f: spoil(f / "cat/00.png", (f / "cat/00.png").read_bytes()[:200]), "00.png is not a readable image"),
        (lambda f: spoil(f / "cat/00.png", b""), "cat/00.png is not a readable image"),
        (lambda f: spoil(f / "dog/01.png", huge_png()), "dog/01.png has 50,000 x 50,000 pixels; 200 million"),
        (lambda f: (f / "cow").mkdir(), "my_photos/cow holds no image"),
        (lambda f: shutil.rmtree(f / "dog"), "must be two classes or more"),
        (lambda f: [shutil.rmtree(f / c) for c in ("cat", "dog")], "my_photos holds no image"),
        (lambda f: shutil.copy(f / "cat/00.png", f / "x.png"), "my_photos/x.png lies in no class folder"),
        (lambda f: shutil.copytree(f / "cat", f / "train/cat"), "has train/ beside cat/"),
        (lambda f: (f / "cat").rename(f / "a\x1b[31mb"), "'a\\x1b[31mb' cannot be printed"),
    ],
)  # fmt: skip
def test_a_bad_folder_is_refused_and_the_file_named(folder, change, said):
    change(folder)
    with pytest.raises(BadInput) as refused:
        load(folder)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_odd_class_names_are_kept(tmp_path):
    odd = ["a b", "ü<b>|x", "日本", "c,d", "100%", "$(x)"]
    data = load(photos(tmp_path, {f"{c}/{i}.png": n for n, c in enumerate(odd) for i in range(5)}))
    assert set(data.classes) == set(odd)
    assert len(data.without(["c,d", "a b"]).classes) == 4


def test_two_splits_that_share_an_image_are_refused(tmp_path):
    folder = photos(
        tmp_path, {f"{s}/{c}/{i}.png": n for s in ("train", "test") for n, c in enumerate("ab") for i in range(9)}
    )
    shutil.copy(folder / "train/a/3.png", folder / "test/b/copy.png")
    with pytest.raises(BadInput, match=r"train/a/3.png \(train\) and test/b/copy.png \(test\) are the same image"):
        load(folder)


def test_given_splits_that_share_a_group_are_refused(tmp_path):
    folder = photos(
        tmp_path, {f"{s}/{c}/p{i}.png": n for s in ("train", "test") for n, c in enumerate("ab") for i in range(9)}
    )
    with pytest.raises(BadInput, match="are of one group"):
        load(folder, group=r"p\d")


def test_corrupt_files_are_left_out_and_recorded_when_that_is_wished(folder):
    spoil(folder / "cat/00.png", b"no image")
    spoil(folder / "dog/19.png", b"\xff\xd8\xff")
    with pytest.raises(BadInput, match="and 1 more cannot be read"):
        load(folder)
    data = load(folder, skip_corrupt=True)
    assert set(data.left_out) == {"cat/00.png", "dog/19.png"} and sum(map(len, data.splits().values())) == 38
    assert "is not a readable image" in data.left_out["cat/00.png"]


def test_groups_that_do_not_fit_are_refused(folder, tmp_path):
    for group, said in (
        ("(", "neither a CSV file nor a regular expression"),
        ("scene", "does not match cat/00.png"),
        (str(tmp_path / "none.csv"), "cannot be read"),
        ("cat|dog", "has 2 groups to be dealt"),
    ):
        with pytest.raises(BadInput, match="group") as refused:
            load(folder, group=group)
        assert said in str(refused.value)
    (tmp_path / "g.csv").write_text("file,group\n")
    with pytest.raises(BadInput, match="has the columns file, group; it needs path and group"):
        load(folder, group=str(tmp_path / "g.csv"))
    (tmp_path / "g.csv").write_text("path,group\ncat/00.png,1\n")
    with pytest.raises(BadInput, match=r"gives cat/01\.png no group"):
        load(folder, group=str(tmp_path / "g.csv"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,what\n0.png,a\n", "has the columns file, what; for labels it needs one of label, "),
        ("name,label\n0.png,a\n", "for paths it needs one of path, "),
        ("file,label\n0.png,a\n99.png,b\n", "line 3 names '99.png', which is not in "),
        ("file,label\n0.png,a\n0.png,b\n", "line 3 names '0.png', and so does line 2"),
        ("file,label\n0.png,\n", "line 2: the class name '' cannot be printed"),
        ("file,label,split\n0.png,a,later\n", "has the split 'later'"),
        ("file,label,split\n0.png,a,test\n", "has no training split, only test"),
        ("file,label\n", "has no row"),
        ("", "cannot be read as a table"),
        ('"\x00', "t.csv"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_and_the_line_named(tmp_path, text, said):
    photos(tmp_path, {f"{i}.png": i % 2 for i in range(3)})
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(BadInput) as refused:
        load(tmp_path / "t.csv")
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"a": np.zeros(3)}, "has the arrays a; it needs x_train"),
        ({"x_train": np.zeros((3, 4, 4), "uint8")}, "x_train without its labels"),
        ({"x": np.zeros((3, 4, 4), "uint8"), "y": np.zeros(2, int)}, "x has 3 images and y 2 labels"),
        ({"x": np.zeros((3, 4), "uint8"), "y": np.zeros(3, int)}, "x has the shape (3, 4)"),
        ({"x": np.full((3, 4, 4), -1.5), "y": np.zeros(3, int)}, "values from -1.5 to -1.5"),
        ({"x": np.array([{}]), "y": np.zeros(3, int)}, "is not an .npz file of arrays"),
    ],
)  # fmt: skip
def test_bad_arrays_are_refused(tmp_path, held, said):
    np.savez(tmp_path / "d.npz", **held)
    with pytest.raises(BadInput) as refused:
        load(tmp_path / "d.npz")
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_places_that_are_not_there_or_say_too_much_are_refused(folder, tmp_path):
    for text, data_dir, said in (
        ("no/such/folder", None, "no such folder or file"),
        ("missing.csv", None, "no such folder or file"),
        ("sings", None, "did you mean signs"),
        (str(folder), str(tmp_path), "leave out --data-dir"),
    ):
        with pytest.raises(BadInput) as refused:
            opened(text, data_dir)
        assert said in str(refused.value)
    with pytest.raises(BadInput, match="--group is for image files"):
        opened("digits", None)[0].told(16, "x", False)


def test_a_path_out_of_the_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../cat/0.png", b"x")
    with pytest.raises(BadInput, match="leads out of the archive"):
        load(tmp_path / "evil.zip")


def test_the_limit_of_an_image_is_what_the_errors_say():
    assert LARGEST == 200 * 10**6
