"""Data sets of images with masks in other people's formats: mmsegmentation, CamVid, ISBI 2016, COCO, TFDS."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import checked
from PIL import Image
from test_masks import HEIGHT, WIDTH, all_masks, are_as_written, coloured, image_of, load, mask_of, pairs

from lab.datasets import opened
from lab.datasets.camvid import CLASSES, MEMBERS, by_sequence
from lab.errors import BadInput
from lab.inputs.data import IGNORED

SHARED = Path(os.environ.get("LAB_DATA", "no-such-folder"))  # with camvid240.zip and lesions.zip
LONG = f"{WIDTH}x{HEIGHT}"


# mmsegmentation


@pytest.fixture
def mmseg(tmp_path):
    return pairs(tmp_path / "seg", image="img_dir/train/{:02d}.jpg", mask="ann_dir/train/{:02d}.png")


def test_mmsegmentations_layout_with_its_classes_and_palette(mmseg):
    palette = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    (mmseg / "meta.json").write_text(json.dumps({"classes": ["a", "b", "c"], "palette": palette}))
    data = load(mmseg)
    are_as_written(data)
    assert data.classes == ("a", "b", "c") and data.palette == ((1, 2, 3), (4, 5, 6), (7, 8, 9))


def test_mmsegmentations_zero_label_is_reduced_where_that_is_said(mmseg):
    (mmseg / "classes.txt").write_text("a\nb\n")
    given = load("mmseg(reduce_zero_label=True)", str(mmseg))
    (mmseg / "classes.txt").unlink()
    (mmseg / "meta.json").write_text(json.dumps({"classes": ["a", "b"], "reduce_zero_label": True}))
    for data in (given, load(mmseg)):
        assert data.classes == ("a", "b")
        for name, mask in all_masks(data).items():
            assert np.array_equal(mask, np.array([IGNORED, 0, 1])[mask_of(int(name))])


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ("{", "seg/meta.json is not {"),
        ('{"classes": 3}', "seg/meta.json is not {"),
        ('{"classes": ["a", "b", "c"], "palette": [[1, 2, 3]]}', "has 3 classes and 1 colours"),
        ('{"classes": ["a", "b", "c"], "palette": [[1, 2, 300]]}', "seg/meta.json is not {"),
        ('{"classes": ["a", "b"]}', "ann_dir/train/01.png has the value 2, which is no class (0 to 1)"),
    ],
)
def test_a_bad_meta_json_is_refused(mmseg, meta, said):
    (mmseg / "meta.json").write_text(meta)
    with pytest.raises(BadInput) as refused:
        load(mmseg)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_layout_that_is_not_there_is_refused_by_name(tmp_path):
    (tmp_path / "x").mkdir()
    for name, said in (
        ("mmseg", "x has no img_dir/ and ann_dir/"),
        ("camvid", "x holds no mask of CamVid"),
        ("lesions", "x does not hold images and masks"),
        ("coco", "x has no annotations/instances_"),
    ):
        with pytest.raises(BadInput) as refused:
            load(name, str(tmp_path / "x"))
        assert said in str(refused.value) and "\n" not in str(refused.value)
        if name in ("camvid", "lesions"):
            with pytest.raises(BadInput, match=r"is not embedded; say where it is with .*fetch it from https"):
                load(name)


# CamVid


def frames(folder, image, mask, saved):
    """Writes two frames of each split of CamVid, and the masks of what `mask_of` gives."""
    wanted = ["0016E5_00390", "0006R0_f00930", "0016E5_07959", "0016E5_08159", "0001TP_008550", "Seq05VD_f00000"]
    for i, frame in enumerate(wanted):
        labels = mask_of(i)
        split = ["train", "val", "test"][i // 2]
        for path, picture in ((image, Image.fromarray(image_of(i, labels))), (mask, saved(labels))):
            (folder / path.format(split, frame)).parent.mkdir(parents=True, exist_ok=True)
            picture.save(folder / path.format(split, frame))
    return [mask_of(i) for i in range(6)]


def are_camvid(data, masks):
    assert data.classes == tuple(CLASSES) and len(data.classes) == 11
    assert [len(s) for s in data.splits().values()] == [2, 2, 2]
    found = np.concatenate([s.labels[np.argsort(s.ids)] for s in data.splits().values()])
    assert sorted(m.tobytes() for m in found) == sorted(m.tobytes() for m in masks)


def test_camvid_of_segnet_has_eleven_numbers_and_one_to_ignore(tmp_path):
    masks = frames(
        tmp_path, "{0}/{1}.png", "{0}annot/{1}.png", lambda m: Image.fromarray(np.where(m, m + 9, 0).astype("uint8"))
    )
    data = load("camvid", str(tmp_path))
    are_camvid(data, [np.array([0, 10, IGNORED], "uint8")[m] for m in masks])
    assert opened("camvid", None)[0].size == "240x180"


@pytest.mark.parametrize("lists", [False, True])
def test_camvid_as_it_was_published_has_32_colours_and_no_splits(tmp_path, lists):
    colours = {"Void": (0, 0, 0), "SUVPickupTruck": (64, 128, 192), "Child": (192, 128, 64)}
    masks = frames(
        tmp_path, "701_StillsRaw_full/{1}.png", "LabeledApproved_full/{1}_L.png", lambda m: coloured(m, colours)
    )
    expected = [np.array([IGNORED, 8, 9], "uint8")[m] for m in masks]
    if lists:  # other than by rule
        named = sorted(p.stem for p in (tmp_path / "701_StillsRaw_full").iterdir())
        for split, part in (("train", named[:2]), ("val", named[2:4]), ("test", named[4:])):
            (tmp_path / f"{split}.txt").write_text(
                "".join(f"/x/{split}/{n}.png /x/{split}annot/{n}.png\n" for n in part)
            )
    data = load("camvid", str(tmp_path))
    are_camvid(data, expected)
    assert ("0001TP_008550" in str(data.train.ids)) == lists
    for file in [*(tmp_path / "LabeledApproved_full").iterdir()][:1]:
        coloured(masks[0], colours | {"Void": (1, 2, 3)}).save(file)
    with pytest.raises(BadInput, match=r"_L\.png has the colour \(1, 2, 3\), which is of no class, in \d+ pixels"):
        load("camvid", str(tmp_path))


CARS = dict.fromkeys("abc", (64, 0, 128))


def test_camvid_comes_in_archives_side_by_side(tmp_path):
    frames(tmp_path / "x", "images/{1}.png", "masks/{1}_L.png", lambda m: coloured(m, CARS))
    (tmp_path / "zips").mkdir()
    for kind, name in (("images", "701_StillsRaw_full.zip"), ("masks", "LabeledApproved_full.zip")):
        with zipfile.ZipFile(tmp_path / "zips" / name, "w") as archive:
            for file in (tmp_path / "x" / kind).iterdir():
                archive.write(file, file.name)
    data = load("camvid", str(tmp_path / "zips"))
    assert [len(s) for s in data.splits().values()] == [2, 2, 2]


def test_the_32_classes_are_each_in_one_of_eleven():
    colours = [c for of in MEMBERS.values() for c in of.values()]
    names = [n for of in MEMBERS.values() for n in of]
    assert len(set(colours)) == len(set(names)) == 31 and 0 not in colours  # and void
    assert tuple(MEMBERS) == tuple(CLASSES)


def test_the_real_camvid_and_its_split_by_rule():
    if not (SHARED / "camvid240.zip").exists():
        pytest.skip("no data in LAB_DATA")
    data = load("camvid", str(SHARED / "camvid240.zip"), size="240x180")
    assert [len(s) for s in data.splits().values()] == [367, 101, 233]
    for name, split in data.splits().items():
        assert {by_sequence(Path(str(i)).stem) for i in split.ids} == {name}
    share = data.train.pixels.sum(0) / data.train.pixels.sum()
    assert share.argmax() == 3 and share.argmin() == 10 and 0.3 < share[3] < 0.35 and share[10] < 0.005


# ISBI 2016


@pytest.mark.parametrize("packed", [False, True])
def test_lesions_in_the_folders_of_the_challenge(tmp_path, packed):
    def saved(labels):
        return Image.fromarray(np.where(labels, 200, 90).astype("uint8"))  # as soft as can be

    name = "ISBI2016_ISIC_Part1_{}"
    for split, count in (("Training", 14), ("Test", 5)):
        where = name.format(split)
        pairs(tmp_path / split, count, f"{where}_Data/{{:02d}}.png", f"{where}_GroundTruth/{{:02d}}_Segmentation.png",
              saved, classes=2)  # fmt: skip
        for file in (tmp_path / split).rglob("*.png"):
            target = tmp_path / "isic" / file.parent.name / f"ISIC_{split[1]}{file.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            if split == "Test":  # other pictures than for training
                Image.open(file).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(target)
            else:
                shutil.copy(file, target)
    if packed:
        for folder in [*(tmp_path / "isic").iterdir()]:
            shutil.make_archive(str(folder), "zip", folder.parent, folder.name)
            shutil.rmtree(folder)
    data = load("lesions", str(tmp_path / "isic"))
    assert data.classes == ("background", "lesion")
    assert [len(s) for s in data.splits().values()] == [12, 2, 5]
    for split in (data.train, data.val):
        for name, mask in zip(split.ids, split.labels[np.arange(len(split))], strict=True):
            assert np.array_equal(mask, mask_of(int(Path(str(name)).stem[-2:]), 2))


def test_the_real_lesions():
    if not (SHARED / "lesions.zip").exists():
        pytest.skip("no data in LAB_DATA")
    data = load("lesions", str(SHARED / "lesions.zip"), size=56)
    assert sum(map(len, data.splits().values())) == 379
    assert all(0.2 < s.pixels[:, 1].sum() / s.pixels.sum() < 0.4 for s in data.splits().values())


# COCO

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def runs(mask):
    """Run lengths (uncompressed) of a mask (H, W) bool: column by column, beginning with zeros."""
    flat = np.concatenate([[0], mask.T.ravel().astype(int), [1 - int(mask.T.ravel()[-1])]])
    return np.diff(np.concatenate([[0], np.flatnonzero(np.diff(flat)), [mask.size]])).tolist()


def coco(folder, marks, categories=CATEGORIES, split="default", width=WIDTH, height=HEIGHT, count=12):
    """Writes twelve images, the same annotations (category, segmentation) on each, and the JSON."""
    images, annotations = [], []
    for i in range(count):
        name = f"{split}{i:02d}.png"
        images.append({"id": i, "file_name": name, "width": width, "height": height})
        for category, mark in marks:
            about = {"id": len(annotations), "image_id": i, "category_id": category, "segmentation": mark}
            annotations.append(about | {"iscrowd": int(isinstance(mark, dict))})
        (folder / split).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image_of([i, len(split)], mask_of(i))).save(folder / split / name)
    (folder / "annotations").mkdir(exist_ok=True)
    held = {"images": images, "annotations": annotations, "categories": categories}
    (folder / f"annotations/instances_{split}.json").write_text(json.dumps(held))
    return folder


def only_mask(data):
    """The one mask that all images have."""
    masks = np.concatenate([s.labels[np.arange(len(s))] for s in data.splits().values()])
    assert (masks == masks[0]).all()
    return masks[0]


def box(left, top, right, bottom):
    return [[left, top, right, top, right, bottom, left, bottom]]


def boxes(*drawn):
    mask = np.zeros((HEIGHT, WIDTH), "uint8")
    for label, (left, top, right, bottom) in drawn:
        mask[top:bottom, left:right] = label
    return mask


def test_coco_draws_polygons_with_the_smaller_on_top(tmp_path):
    small, large = (5, 5, 9, 9), (2, 2, 14, 11)
    for marks in ([(7, box(*large)), (3, box(*small))], [(3, box(*small)), (7, box(*large))]):
        data = load(coco(tmp_path, marks))
        assert data.classes == ("background", "cat", "dog")
        assert np.array_equal(only_mask(data), boxes((2, large), (1, small)))
    two = box(0, 0, 3, 3) + box(10, 8, 12, 12)  # two parts of one annotation
    assert np.array_equal(only_mask(load(coco(tmp_path, [(3, two)]))), boxes((1, (0, 0, 3, 3)), (1, (10, 8, 12, 12))))


def test_coco_reads_run_lengths_of_both_kinds_and_crowds(tmp_path):
    from pycocotools import mask as tools

    mask = mask_of(4) > 0
    packed = tools.encode(np.asfortranarray(mask.astype("uint8")))
    for counts in (runs(mask), packed["counts"].decode()):
        data = load(coco(tmp_path, [(7, {"size": [HEIGHT, WIDTH], "counts": counts})]))
        assert np.array_equal(only_mask(data), mask * 2)


@pytest.mark.parametrize(
    ("names", "classes", "blank"),
    [
        (["cat", "dog"], ("background", "cat", "dog"), 0),
        (["cat", "Background"], ("cat", "Background"), 1),
        (["cat", "void"], ("cat",), IGNORED),
        (["void", "background", "cat"], ("background", "cat"), 0),
    ],
)
def test_what_a_pixel_without_annotation_is_the_categories_say(tmp_path, names, classes, blank):
    categories = [{"id": i, "name": n} for i, n in enumerate(names, 1)]
    drawn = {n: (4 * i, 0, 4 * i + 4, HEIGHT) for i, n in enumerate(names) if n != "Background"}
    data = coco(tmp_path, [(names.index(n) + 1, box(*place)) for n, place in drawn.items()], categories)
    dataset, where = opened(str(data), None)
    data = dataset.told(LONG, None, False).load(where)
    labels = {n: classes.index(n) if n in classes else IGNORED for n in drawn}
    expected = boxes((blank, (0, 0, WIDTH, HEIGHT)), *((labels[n], place) for n, place in drawn.items()))
    assert data.classes == classes and np.array_equal(only_mask(data), expected)


def test_cocos_splits_are_in_the_names_of_its_files(tmp_path):
    coco(tmp_path, [(7, box(1, 1, 4, 4)), (3, box(5, 5, 9, 9))], split="train2017")
    data = load(coco(tmp_path, [(7, box(2, 2, 4, 4))], split="val2017", count=5))
    assert [len(s) for s in data.splits().values()] == [10, 5, 2]
    assert all("val2017/" in i for i in data.val.ids)


def test_another_annotation_is_another_data_set_and_is_looked_at_again(tmp_path):
    place = coco(tmp_path, [(7, box(1, 1, 4, 4))])
    first = load(place).digest
    assert load(place).digest == first != load(coco(tmp_path, [(7, box(1, 1, 4, 5))])).digest


def without(key):
    def change(held):
        del held[key]

    return change


def of_first(key, **changes):
    return lambda held: held[key][0].update(changes)


def polygon(*points):
    return of_first("annotations", segmentation=[list(points)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("categories"), "instances_default.json is not a file of COCO's format: KeyError('categories')"),
        (of_first("annotations", category_id=99), "annotation 0 is of an image or category that it lacks"),
        (of_first("annotations", image_id=99), "annotation 0 is of an image or category that it lacks"),
        (
            of_first("images", file_name="no.png"),
            "instances_default.json names no.png, which is not there; put it into",
        ),
        (of_first("images", file_name="default01.png"), "names default/default01.png, which is named before"),
        (of_first("images", width=17), "default00.png has 17 x 12 pixels, and its image default/default00.png has 16"),
        (
            of_first("images", width=50_000, height=50_000),
            "00.png has 50,000 x 50,000 pixels by its annotations; 1 to 200",
        ),
        (of_first("images", width=0), "has 0 x 12 pixels by its annotations"),
        (polygon(1, 2, 3, 4), "00.png has a polygon of fewer than three points"),
        (polygon(1, 2, 3, 4, 1e12, 6), "or one that is far outside the image"),
        (polygon(1, 2, 3, 4, float("nan"), 6), "or one that is far outside the image"),
        (polygon(1, 2, 3, 4, "x", 6), "has an annotation that is neither polygons nor run lengths"),
        (of_first("annotations", segmentation=None), "has an annotation that is neither polygons nor run lengths"),
        (of_first("annotations", segmentation={"size": [3, 3], "counts": [9]}), "has run lengths for [3, 3]"),
        (
            of_first("annotations", segmentation={"size": [12, 16], "counts": [9]}),
            "run lengths: ValueError('they are for 9",
        ),
        (
            of_first("annotations", segmentation={"size": [12, 16], "counts": "zz~"}),
            "is neither polygons nor run lengths",
        ),
        (lambda held: held["categories"].append({"id": 9, "name": "cat"}), "names 'cat' twice"),
    ],
)
def test_a_bad_coco_file_is_refused_in_one_line(tmp_path, change, said):
    place = coco(tmp_path, [(7, box(1, 1, 4, 4))])
    file = place / "annotations/instances_default.json"
    held = json.loads(file.read_text())
    change(held)
    file.write_text(json.dumps(held))
    with pytest.raises(BadInput) as refused:
        load(place)
    assert said in str(refused.value) and "\n" not in str(refused.value)


# TensorFlow Datasets


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """A folder with a small data set of TFDS that is called and made as Oxford-IIIT Pet is."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import registered

    class OxfordIiitPet(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("4.0.0")

        def _info(self):
            features = {
                "image": tfds.features.Image(encoding_format="png"),
                "label": tfds.features.ClassLabel(names=["cat", "dog"]),
                "segmentation_mask": tfds.features.Image(shape=(None, None, 1), use_colormap=True),
            }
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, _):
            return {"train": self._generate_examples(range(20)), "test": self._generate_examples(range(20, 26))}

        def _generate_examples(self, numbers):
            for i in numbers:
                mask = mask_of(i)
                yield i, {"image": image_of(i, mask), "label": i % 2, "segmentation_mask": mask[..., None] + 1}

    place = tmp_path_factory.mktemp("tfds")
    OxfordIiitPet(data_dir=place, file_format="array_record").download_and_prepare()
    registered._DATASET_REGISTRY.pop("oxford_iiit_pet", None)
    return str(place)


def test_a_tfds_data_set_with_masks_is_one_for_segmentation_when_that_is_the_task(pets):
    dataset, where = opened("tfds:oxford_iiit_pet", pets)
    assert dataset.task == "classification" and dataset.for_task(None) == dataset
    masked = dataset.for_task("segmentation").told(LONG, None, False)
    assert (
        str(masked) == "tfds_masks:oxford_iiit_pet" and opened(str(masked), pets)[0].told(LONG, None, False) == masked
    )
    data = checked(masked.load(where))
    assert data.classes == ("pet", "background", "border") and len(data.palette) == 3
    assert [len(s) for s in data.splits().values()] == [16, 4, 6]
    wanted = {image_of(i, mask_of(i)).tobytes(): mask_of(i) for i in range(26)}
    for split in data.splits().values():
        for image, mask, held in zip(split.images, split.labels, split.pixels, strict=True):
            assert np.array_equal(mask, wanted[image.tobytes()])
            assert held.tolist() == np.bincount(mask.ravel(), minlength=3).tolist()
    small = dataset.for_task("segmentation").told("4x6", None, False).load(where)
    assert small.train.labels.shape == (16, 6, 4) and set(np.unique(small.train.labels)) <= {0, 1, 2}


def test_labels_that_are_for_another_task_are_refused():
    for text in ("digits", "tfds_masks:x"):
        dataset = opened(text, None)[0]
        other = {"classification": "segmentation", "segmentation": "classification"}[dataset.task]
        with pytest.raises(BadInput, match=f"--task {other} is not what the labels of .* are for"):
            dataset.for_task(other)
