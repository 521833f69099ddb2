"""Masks from one format to another and back: the same pixels, classes, splits and images."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import photos
from PIL import Image
from scipy import ndimage
from test_masks import HEIGHT, WIDTH, all_masks, load, pairs

from lab import command
from lab.data import __main__ as data
from lab.data.convert import in_polygons, in_runs
from lab.errors import BadInput
from lab.inputs.data import IGNORED
from lab.inputs.outlines import area_of, outline, packed, runs_of


def tangled(seed, height=HEIGHT, width=WIDTH):
    """Labels 0, 1, 2 and 255 in patches with holes, islands in them, and corners that only touch."""
    rng = np.random.default_rng(seed)
    return np.array([0, 1, 2, IGNORED], "uint8")[rng.choice(4, (height, width), p=[0.4, 0.3, 0.2, 0.1])]


def convert(place, form, to, *more):
    return command.call(data.main, ["convert", str(place), "--to", form, str(to), *more])


@pytest.fixture(params=[("sky", "car", "tree"), ("background", "car", "tree"), ("car", "Background", "tree")])
def source(request, tmp_path):
    """A folder of mmsegmentation's layout with splits, and its masks by the images' names."""
    for split, count, letter in (("train", 5, "a"), ("val", 2, "b"), ("test", 2, "c")):
        place = f"{split}/{letter}{{:02d}}"
        pairs(tmp_path / "source", count, f"img_dir/{place}.jpg", f"ann_dir/{place}.png")
        for i in range(count):
            stem = tmp_path / "source/{}" / f"{split}/{letter}{i:02d}"
            noise = np.random.default_rng([i, ord(letter)]).integers(0, 256, (HEIGHT, WIDTH, 3)).astype("uint8")
            Image.fromarray(noise).save(str(stem).format("img_dir") + ".jpg")
            Image.fromarray(tangled([i, ord(letter)])).save(str(stem).format("ann_dir") + ".png")
    meta = {"classes": request.param, "palette": [[9, 9, 9], [200, 0, 0], [0, 200, 0]]}
    (tmp_path / "source/meta.json").write_text(json.dumps(meta))
    return tmp_path / "source"


@pytest.mark.parametrize("shape", ["polygons", "rle"])
def test_to_coco_and_back_gives_the_same_masks_bit_for_bit(source, tmp_path, shape, capsys):
    assert convert(source, "coco", tmp_path / "coco", "--as", shape) == 0
    assert convert(tmp_path / "coco", "mmseg", tmp_path / "back") == 0
    assert "train: 5, val: 2, test: 2 images and masks to" in capsys.readouterr().out
    first, there, back = (load(p) for p in (source, tmp_path / "coco", tmp_path / "back"))
    assert first.classes == there.classes == back.classes and len(first.classes) == 3
    for other in (there, back):
        masks = all_masks(other)
        assert [len(s) for s in other.splits().values()] == [5, 2, 2]
        assert all(np.array_equal(masks[name], mask) for name, mask in all_masks(first).items())
    for split in ("train", "val", "test"):
        for image in (source / "img_dir" / split).iterdir():
            assert (tmp_path / "back/img_dir" / split / image.name).read_bytes() == image.read_bytes()
        for mask in (source / "ann_dir" / split).iterdir():
            written = Image.open(tmp_path / "back/ann_dir" / split / mask.name)
            assert written.mode == "P" and np.array_equal(np.asarray(written), np.asarray(Image.open(mask)))


@pytest.mark.parametrize("shape", ["polygons", "rle"])
def test_the_real_camvid_comes_back_bit_for_bit(tmp_path, shape):
    place = Path(os.environ.get("LAB_DATA", "no-such-folder")) / "camvid240.zip"
    if not place.exists():
        pytest.skip("no data in LAB_DATA")
    assert convert("camvid", "coco", tmp_path / "coco", "--as", shape, "--data-dir", str(place)) == 0
    assert convert(tmp_path / "coco", "mmseg", tmp_path / "back") == 0
    first, back = load("camvid", str(place), size="240x180"), load(tmp_path / "back", size="240x180")
    assert back.classes == first.classes
    for split, here in first.splits().items():
        there = back.splits()[split]
        place_of = {Path(str(name)).stem: i for i, name in enumerate(there.ids)}
        order = np.array([place_of[Path(str(name)).stem] for name in here.ids])
        assert len(here) == len(there)
        np.testing.assert_array_equal(there.labels[order], here.labels[np.arange(len(here))])


def test_the_json_is_what_pycocotools_reads(source, tmp_path):
    from pycocotools import mask as tools

    for shape, crowd in (("polygons", 0), ("rle", 1)):
        convert(source, "coco", tmp_path / shape, "--as", shape)
        held = json.loads((tmp_path / shape / "annotations/instances_train.json").read_text())
        assert [c["name"] for c in held["categories"]][3] == "void" and len(held["images"]) == 5
        assert len({a["id"] for a in held["annotations"]}) == len(held["annotations"])
        for a in held["annotations"]:
            drawn = tools.frPyObjects(a["segmentation"], HEIGHT, WIDTH)
            drawn = drawn[0] if isinstance(drawn, list) else drawn
            assert tools.area(drawn) == a["area"] and tools.toBbox(drawn).tolist() == a["bbox"]
            assert a["iscrowd"] == crowd


def test_a_folder_without_splits_is_written_with_those_that_are_drawn(tmp_path, capsys):
    folder = pairs(tmp_path / "mine", saved=lambda m: Image.fromarray((m * 90).astype("uint8")))
    assert convert(folder, "mmseg", tmp_path / "mm") == 0
    first, second = load(folder), load(tmp_path / "mm")
    assert [len(s) for s in second.splits().values()] == [len(s) for s in first.splits().values()] == [12, 4, 4]
    assert second.classes == first.classes == ("0", "90", "180")
    for split in ("train", "val", "test"):
        names = [{Path(str(i)).name for i in d.splits()[split].ids} for d in (first, second)]
        assert names[0] == names[1]


def test_an_outline_encloses_its_area_and_what_is_in_it():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(1, 14, 2)
        numbers, count = ndimage.label(rng.random((height, width)) < rng.random())
        for number in range(1, count + 1):
            area = numbers == number
            top = int(area.any(axis=1).argmax())
            points = np.array(outline(area[top:])).reshape(-1, 2) + np.array([0, top])
            drawn = area_of(runs_of([points.ravel().tolist()], height, width), height, width)
            assert np.array_equal(drawn, ndimage.binary_fill_holes(area)) or np.array_equal(
                drawn, ndimage.binary_fill_holes(area, np.ones((3, 3)))
            )
            assert np.array_equal(area_of(np.array(packed(area)), height, width), area)


def test_areas_are_one_a_class_or_one_a_part():
    mask = np.zeros((8, 8), "uint8")
    mask[1:7, 1:4] = 1
    mask[2:4, 2] = 0  # enclosed
    mask[0, 6] = 1
    runs = {a.label: a.pixels for a in in_runs(mask, 0)}
    assert runs == {1: 17}
    parts = sorted((a.label, a.pixels, a.box) for a in in_polygons(mask, 0))
    assert parts == [(0, 2, [2, 2, 1, 2]), (1, 1, [6, 0, 1, 1]), (1, 18, [1, 1, 3, 6])]
    assert sorted(a.label for a in in_polygons(mask, IGNORED)) == [0, 0, 1, 1]


def test_what_cannot_be_converted_is_refused_in_one_line(source, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("mine")
    classes = photos(tmp_path / "pets", {f"{c}/{i}.png": n for n, c in enumerate("ab") for i in range(5)})
    for words, said in (
        (["voc", tmp_path / "new"], "--to takes mmseg or coco"),
        (["coco", tmp_path / "full"], "is not empty; name a new folder"),
        (["coco", tmp_path / "new", "--as", "boxes"], "invalid choice"),
    ):
        assert convert(source, *words) == 2
        error = capsys.readouterr().err.strip()
        assert said in error and "\n" not in error
    for text in (str(classes), "digits"):
        assert convert(text, "coco", tmp_path / "new") == 2
        assert "has no masks in files that could be converted; it is for classification" in capsys.readouterr().err
    Image.fromarray(np.full((HEIGHT, WIDTH), 9, "uint8")).save(source / "ann_dir/train/a00.png")
    with pytest.raises(BadInput, match=r"ann_dir/train/a00\.png has the value 9"):
        data.main(["convert", str(source), "--to", "coco", str(tmp_path / "new")])
