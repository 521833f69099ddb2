"""Images with masks, out of files: which pairs, splits, labels and pixels come out of what is on the disk."""

import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import checked
from PIL import Image
from test_own import huge_png

from lab.datasets import opened
from lab.errors import BadInput
from lab.inputs import mask_files
from lab.inputs.class_list import palette
from lab.inputs.data import IGNORED

HEIGHT, WIDTH = 12, 16


def mask_of(i, classes=3):
    """(12, 16) uint8: a block of another place and class for each number, on 0; the classes take turns."""
    rng = np.random.default_rng(i)
    mask = np.zeros((HEIGHT, WIDTH), "uint8")
    top, left = rng.integers(0, HEIGHT - 4), rng.integers(0, WIDTH - 4)
    mask[top : top + 4, left : left + 4] = 1 + i % (classes - 1)
    return mask


def image_of(i, mask):
    """(12, 16, 3) uint8: each class has a colour, with a little noise so that all images differ."""
    noise = np.random.default_rng([i, 1]).integers(0, 20, (*mask.shape, 3))
    return (np.array([[20, 20, 20], [220, 20, 20], [20, 220, 20], [20, 20, 220]])[mask] + noise).astype("uint8")


def pairs(folder, count=20, image="images/{:02d}.png", mask="masks/{:02d}.png", saved=Image.fromarray, classes=3):
    """Writes images and masks, each mask as `saved` makes it of its labels."""
    for i in range(count):
        labels = mask_of(i, classes)
        for path, picture in ((image, Image.fromarray(image_of(i, labels))), (mask, saved(labels))):
            file = folder / path.format(i)
            file.parent.mkdir(parents=True, exist_ok=True)
            picture.save(file)
    return folder


def load(place, data_dir=None, size=f"{WIDTH}x{HEIGHT}", group=None, skip_corrupt=False):
    dataset, where = opened(str(place), data_dir)
    dataset = dataset.told(size, group, skip_corrupt)
    assert dataset.task == "segmentation"
    dataset.fingerprint(where)
    return checked(dataset.load(where))


def fingerprint(place):
    dataset, where = opened(str(place), None)
    return dataset.told(16, None, False).fingerprint(where)


def all_masks(data):
    """{the image's name without folder, ending and what is behind `_`: its mask (h, w)}."""
    return {
        Path(str(name)).stem.partition("_")[0]: mask
        for split in data.splits().values()
        for name, mask in zip(split.ids, split.labels[np.arange(len(split))], strict=True)
    }


def are_as_written(data, count=20, classes=3):
    found = all_masks(data)
    assert len(found) == count
    for name, mask in found.items():
        assert mask.dtype == np.uint8 and np.array_equal(mask, mask_of(int(name), classes)), name


@pytest.fixture
def folder(tmp_path):
    return pairs(tmp_path / "mine")


# Pairs


def test_a_folder_of_images_and_masks_is_dealt_and_read_at_its_size(folder):
    data = load(folder)
    assert data.classes == ("0", "1", "2") and len(set(data.palette)) == 3
    assert [len(s) for s in data.splits().values()] == [12, 4, 4]
    are_as_written(data)
    assert data.train.images.shape == (12, HEIGHT, WIDTH, 3) and data.train.labels.shape == (12, HEIGHT, WIDTH)
    for name, image in zip(data.train.ids, data.train.images[np.arange(12)], strict=True):
        assert np.array_equal(image, np.asarray(Image.open(folder / name)))
    again = load(folder)
    assert again.digest == data.digest and again.train.ids.tolist() == data.train.ids.tolist()


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("imgs/{:02d}.jpg", "labels/{:02d}.png"),
        ("JPEGImages/{:02d}.jpg", "SegmentationClass/{:02d}.png"),
        ("image/{:02d}.png", "ground_truth/{:02d}_gt.png"),
        ("images/{:02d}.bmp", "annotations/{:02d}_MASK.tif"),
        ("images/a/{:02d}_image.png", "masks/a/{:02d}_mask.png"),
        ("data/images/{:02d}.png", "data/masks/{:02d}-label.png"),
    ],
)
def test_a_mask_belongs_to_the_image_of_its_name(tmp_path, image, mask):
    are_as_written(load(pairs(tmp_path / "x", image=image, mask=mask)))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{}/images/{{:02d}}.png", "{}/masks/{{:02d}}.png"),
        ("images/{}/{{:02d}}.png", "masks/{}/{{:02d}}.png"),
        ("{}/{{:02d}}.png", "{}_masks/{{:02d}}_mask.png"),
        ("{}/{{:02d}}.png", "{}annot/{{:02d}}.png"),
        ("wrapped/images_{}/{{:02d}}.png", "wrapped/labels-{}/{{:02d}}.png"),
    ],
)
def test_splits_may_be_above_below_or_part_of_the_folders(tmp_path, image, mask):
    for split in ("Train", "val", "test"):
        pairs(tmp_path / "all", 20, image.format(split), mask.format(split))
    for split, wanted in (("Train", range(14)), ("val", range(14, 17)), ("test", range(17, 20))):
        for template in (image, mask):
            for file in (tmp_path / "all" / template.format(split)).parent.glob("*"):
                if int(file.stem[:2]) not in wanted:
                    file.unlink()
    data = load(tmp_path / "all")
    assert [[int(Path(i).stem) for i in s.ids] for s in data.splits().values()] == [
        list(range(14)), [14, 15, 16], [17, 18, 19],
    ]  # fmt: skip
    are_as_written(data)


def test_a_zip_is_read_as_the_folder_that_it_holds(folder, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder.parent, folder.name)
    data, packed = load(folder), load(archive)
    are_as_written(packed)
    assert packed.test.digest == data.test.digest


def test_which_layout_a_folder_has_is_seen_by_its_names(tmp_path):
    def name_of(tree):
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        for path in tree:
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(b"")
        return opened(str(place), None)[0].name

    assert name_of(["cat/1.png", "dog/1.png"]) == "folder"
    assert name_of(["with_mask/1.png", "without_mask/1.png"]) == "folder"
    assert name_of(["train/mask/1.png", "train/face/1.png"]) == "folder"
    assert name_of(["train/images/1.jpg", "train/masks/1.png", "README.md"]) == "masks"
    assert name_of(["img_dir/train/1.jpg", "ann_dir/train/1.png", "meta.json"]) == "mmseg"
    assert name_of(["annotations/instances_train2017.json", "train2017/1.jpg"]) == "coco"
    assert name_of(["notes.txt"]) == "folder"


# Pixels


def test_a_mask_is_never_interpolated_and_lies_on_its_image(folder):
    for fit in ("squash", "crop", "pad"):
        dataset, _ = opened(f"masks(fit='{fit}')", str(folder))
        data = dataset.told("40x50", None, False).load(str(folder))
        masks, images = data.train.labels[np.arange(12)], data.train.images[np.arange(12)]
        assert masks.shape == (12, 50, 40) and set(np.unique(masks)) <= {0, 1, 2, IGNORED}
        assert (masks == IGNORED).any() == (fit == "pad")
        redder = images[..., 0].astype(int) - images[..., 1]
        inner = np.stack([masks == np.roll(masks, s, a) for s, a in ((3, 1), (-3, 1), (3, 2), (-3, 2))]).all(0)
        assert (redder[(masks == 1) & inner] > 80).all() and (redder[(masks == 2) & inner] < -80).all()
        assert (images[masks == IGNORED] == 0).all()


def test_a_resized_mask_is_pillows_nearest(folder):
    data = load(folder, size="7x9")
    for name, mask in all_masks(data).items():
        expected = Image.fromarray(mask_of(int(name))).resize((7, 9), Image.Resampling.NEAREST)
        assert np.array_equal(mask, np.asarray(expected))


def paletted(labels):
    image = Image.fromarray(labels)
    image = Image.frombytes("P", image.size, labels.tobytes())
    image.putpalette([v for colour in palette(256) for v in colour])
    return image


@pytest.mark.parametrize(
    ("saved", "mask"),
    [
        (paletted, "masks/{:02d}.png"),
        (lambda m: Image.fromarray(m.astype("uint16")), "masks/{:02d}.png"),
        (lambda m: Image.fromarray(m.astype("uint16")), "masks/{:02d}.tif"),
        (lambda m: Image.fromarray(m.astype("int32")), "masks/{:02d}.tif"),
        (lambda m: Image.fromarray(m).convert("RGB"), "masks/{:02d}.png"),
        (lambda m: Image.merge("LA", (Image.fromarray(m), Image.new("L", m.shape[::-1], 255))), "masks/{:02d}.png"),
    ],
)
def test_numbers_are_read_from_every_kind_of_file(tmp_path, saved, mask):
    are_as_written(load(pairs(tmp_path, mask=mask, saved=saved)))


@pytest.mark.parametrize(
    ("saved", "mask"),
    [
        (lambda m: Image.fromarray(m * 255), "masks/{:02d}.png"),
        (lambda m: Image.fromarray(m.astype("uint16") * 65535), "masks/{:02d}.png"),
        (lambda m: Image.fromarray(m.astype(bool)), "masks/{:02d}.png"),
        (lambda m: Image.fromarray(m * 255).convert("RGBA"), "masks/{:02d}.png"),
        (lambda m: Image.fromarray((m * 255).repeat(7, 0).repeat(7, 1)), "masks/{:02d}.jpg"),
        (Image.fromarray, "masks/{:02d}.png"),
    ],
)
def test_masks_of_two_kinds_are_background_and_foreground(tmp_path, saved, mask):
    folder = pairs(tmp_path, mask=mask, saved=saved, classes=2)
    if mask.endswith("jpg"):  # so large that its noise is a small part of it
        for file in (tmp_path / "images").iterdir():
            Image.open(file).resize((7 * WIDTH, 7 * HEIGHT), Image.Resampling.NEAREST).save(file)
        assert len(np.unique(np.asarray(Image.open(tmp_path / "masks/00.jpg")))) > 2
    data = load(folder)
    assert data.classes == ("background", "foreground")
    are_as_written(data, classes=2)


def test_a_threshold_parts_any_values_in_two(tmp_path):
    folder = pairs(tmp_path, saved=lambda m: Image.fromarray(10 + m * 30))
    assert load(folder).classes == ("10", "40", "70")
    data = load("masks(threshold=41)", str(folder))
    assert data.classes == ("background", "foreground")
    assert all(np.array_equal(m, mask_of(int(n)) == 2) for n, m in all_masks(data).items())


COLOURS = {"road": (128, 64, 128), "car": (0, 0, 142), "sky": (70, 130, 180)}


def coloured(labels, colours=COLOURS):
    return Image.fromarray(np.array(list(colours.values()), "uint8")[labels])


def listed(folder, header="name,r,g,b", colours=COLOURS, name="classes.csv"):
    rows = [header, *(f"{n},{r},{g},{b}" for n, (r, g, b) in colours.items())]
    (folder / name).write_text("\n".join(rows))
    return folder


@pytest.mark.parametrize("saved", [coloured, lambda m: coloured(m).quantize(8), lambda m: coloured(m).convert("RGBA")])
def test_colours_are_read_by_a_list_of_classes(tmp_path, saved):
    data = load(listed(pairs(tmp_path / "x", saved=saved)))
    are_as_written(data)
    assert data.classes == tuple(COLOURS) and data.palette == tuple(COLOURS.values())


def test_numbers_may_have_a_list_of_classes_with_colours_too(tmp_path):
    data = load(listed(pairs(tmp_path / "x"), name="class_dict.csv"))
    are_as_written(data)
    assert data.classes == tuple(COLOURS) and data.palette == tuple(COLOURS.values())


def test_void_classes_and_255_are_ignored_and_are_no_classes(tmp_path):
    folder = pairs(tmp_path, saved=lambda m: Image.fromarray(np.where(m == 2, 255, m).astype("uint8")))
    (folder / "classes.txt").write_text("Void\nleaf\nstem\n")
    data = load(folder)
    assert data.classes == ("leaf", "stem")
    for name, mask in all_masks(data).items():
        labels = mask_of(int(name))
        assert np.array_equal(mask, np.where(labels == 1, 0, IGNORED))


# Dealing, and what a run is told


def test_every_split_has_its_share_of_the_rarest_class(tmp_path):
    folder = pairs(tmp_path, 40, classes=2)
    for i in range(0, 40, 13):  # 4 of 40 hold class 2, among others
        labels = mask_of(i, 2)
        labels[0, 0] = 2
        Image.fromarray(labels).save(folder / f"masks/{i:02d}.png")
    data = load(folder)
    assert [(s.pixels[:, 2] > 0).sum() for s in data.splits().values()] == [2, 1, 1]
    whole = np.concatenate([s.labels[np.arange(len(s))] for s in data.splits().values()])
    counts = np.concatenate([s.pixels for s in data.splits().values()])
    assert np.array_equal(counts, np.stack([(whole == c).sum(axis=(1, 2)) for c in range(3)], axis=1))


def test_groups_and_copies_stay_on_one_side(folder, tmp_path):
    for i in range(30, 36):
        shutil.copy(folder / "images/00.png", folder / f"images/{i}.png")
        shutil.copy(folder / "masks/00.png", folder / f"masks/{i}.png")
    copies = {0, *range(30, 36)}
    sides = [sum(int(Path(i).stem) in copies for i in s.ids) for s in load(folder).splits().values()]
    assert sorted(sides) == [0, 0, 7]
    scenes = load(pairs(tmp_path / "scenes", 60), group=r"images/(\d)").splits().values()
    tens = [{int(Path(i).stem) // 10 for i in s.ids} for s in scenes]
    assert all(tens) and sum(map(len, tens)) == 6


def test_the_fingerprint_is_of_images_masks_and_their_meaning(folder, tmp_path):
    first = fingerprint(folder)
    assert fingerprint(shutil.copytree(folder, tmp_path / "elsewhere")) == first
    changed = mask_of(3)
    changed[0, 0] = 2
    Image.fromarray(changed).save(folder / "masks/03.png")
    second = fingerprint(folder)
    (folder / "classes.txt").write_text("a\nb\nc\n")
    third = fingerprint(folder)
    (folder / "classes.txt").write_text("a\nb\nvoid\n")
    assert len({first, second, third, fingerprint(folder)}) == 4


def test_the_digest_sees_masks_that_are_not_read(folder):
    digest, changed = load(folder).digest, mask_of(3)
    changed[0, 0] = 2
    Image.fromarray(changed).save(folder / "masks/03.png")
    data = load(folder)
    assert data.digest != digest
    for split in data.splits().values():
        split.images.read = split.labels.read = None  # reading would fail
    assert len(data.limited(2).train) == 2 and len(data.without(["1"]).digest) == 64


def test_a_mask_is_looked_at_again_only_when_it_changed(folder, monkeypatch):
    from lab.datasets import _masked

    looked = []
    real = _masked.look
    monkeypatch.setattr(_masked, "look", lambda files, name: looked.append(name) or real(files, name))
    first = fingerprint(folder)
    assert len(looked) == 20
    assert fingerprint(folder) == first and len(looked) == 20
    os.utime(folder / "masks/03.png", ns=(1, 1))
    assert fingerprint(folder) == first and looked[20:] == ["masks/03.png"]


def test_a_dropped_class_is_ignored_and_its_pixels_are_not_counted(folder):
    data, whole = load(folder).without(["1"]), load(folder)
    assert data.classes == ("0", "2") and data.palette == (whole.palette[0], whole.palette[2])
    masks = whole.train.labels[np.arange(12)]
    assert np.array_equal(data.train.labels[np.arange(12)], np.array([0, IGNORED, 1])[masks])
    assert np.array_equal(data.train.pixels, whole.train.pixels[:, [0, 2]])


def test_a_class_that_only_the_test_split_has_is_refused_until_it_is_dropped(tmp_path):
    for split, classes in (("train", 2), ("val", 2), ("test", 3)):
        place = f"{{:02d}}{split[0]}.png"
        pairs(tmp_path / "x", 6, f"{split}/images/{place}", f"{split}/masks/{place}", classes=classes)
    for i in range(6):  # other pixels than in the other splits
        for split in ("val", "test"):
            file = tmp_path / "x" / split / "images" / f"{i:02d}{split[0]}.png"
            Image.open(file).rotate(90 if split == "val" else 180).resize((WIDTH, HEIGHT)).save(file)
    dataset, where = opened(str(tmp_path / "x"), None)
    data = dataset.told(16, None, False).load(where)
    with pytest.raises(BadInput, match=r"training has no example of '2'.*test/images/01t\.png.*--drop-classes"):
        checked(data)
    assert checked(data.without(["2"])).classes == ("0", "1")


# What is wrong


def put(folder, labels, name="masks/00.png"):
    Image.fromarray(labels).save(folder / name)


def instead(folder, values):
    put(folder, values, "masks/00.tif")
    (folder / "masks/00.png").unlink()


def odd(value):
    labels = mask_of(0)
    labels[:2, :3] = value
    return labels


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: (f / "images/00.png").unlink(), "mine/masks/00.png is a mask without an image of its name"),
        (lambda f: (f / "masks/00.png").unlink(), "mine/images/00.png is an image without a mask of its name; add"),
        (lambda f: put(f, mask_of(0), "masks/00_mask.png"), "mine/images/00.png has two masks, mine/masks/00.png and"),
        (lambda f: put(f, mask_of(0), "images/00.bmp"), "mine/images/00.bmp and mine/images/00.png have one name"),
        (lambda f: put(f, mask_of(0)[:-1]), "mine/masks/00.png has 16 x 11 pixels, and its image images/00.png has 16"),
        (lambda f: (f / "masks/00.png").write_bytes(b"none"), "mine/masks/00.png is not a readable image"),
        (lambda f: (f / "masks/00.png").write_bytes((f / "masks/00.png").read_bytes()[:60]), "masks/00.png is not a"),
        (lambda f: (f / "masks/00.png").write_bytes(huge_png()), "masks/00.png has 50,000 x 50,000 pixels; 200"),
        (lambda f: (f / "images/00.png").write_bytes(huge_png()), "images/00.png has 50,000 x 50,000 pixels; 200"),
        (lambda f: put(f, odd(3)), "has the value 3, which is no class (0 to 2) and not 255 (ignored), in 6 pixels"),
        (lambda f: instead(f, mask_of(0).astype("float32")), "mine/masks/00.tif is of mode F; a mask has whole"),
        (lambda f: Image.new("RGBA", (16, 12), (1, 1, 1, 9)).save(f / "masks/00.png"), "has transparent pixels"),
        (lambda f: instead(f, np.full((12, 16), -1, "int32")), "has the value -1; a mask has whole numbers from 0"),
        (lambda f: coloured(mask_of(0)).save(f / "masks/00.png"), "mine/masks/00.png has colours; say what they mean"),
        (lambda f: shutil.rmtree(f / "masks"), "mine does not hold images and masks in folders of their own"),
        (lambda f: [shutil.rmtree(f / n) for n in ("images", "masks")], "mine does not hold images and masks"),
        (lambda f: put(f, mask_of(0), "extra.png"), "mine/extra.png lies neither in a folder of images nor in one of"),
        (lambda f: (f / "classes.txt").write_text("a\na\n"), "mine/classes.txt names 'a' twice"),
        (lambda f: (f / "classes.txt").write_text(""), "mine/classes.txt names 0 classes"),
        (lambda f: (f / "classes.txt").write_bytes(b"\xff\xfe"), "mine/classes.txt is no text in UTF-8"),
    ],
)  # fmt: skip
def test_a_bad_pair_is_refused_and_the_file_named(folder, change, said):
    (folder / "classes.txt").write_text("a\nb\nc\n")
    change(folder)
    with pytest.raises(BadInput) as refused:
        load("masks", str(folder))
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("name,r,g,b\nroad,128,64,128\ncar,0,0,142\n", "has the colour (70, 130, 180), which is of no class, in"),
        ("name,r,g,b\nroad,1,2,3\ncar,1,2,3\n", "gives 'road' and 'car' one colour, (1, 2, 3)"),
        ("name,r,g,b\nroad,1,2,300\n", "classes.csv line 2 has the colour 1, 2, 300; each is a number from 0 to 255"),
        ("name,r,g,b\nroad,1,2\n", "classes.csv line 2 has 3 columns; the first line has 4"),
        ("what,r,g,b\nroad,1,2,3\n", "classes.csv has the columns what, r, g, b; it needs name, or name, r, g, b"),
        ("", "classes.csv has the columns none"),
    ],
)
def test_a_bad_list_of_colours_is_refused(tmp_path, table, said):
    folder = pairs(tmp_path / "x", saved=coloured)
    (folder / "classes.csv").write_text(table)
    with pytest.raises(BadInput) as refused:
        load(folder)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_colours_without_a_list_and_masks_of_one_value_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"masks/00\.png has colours; say what they mean in a file classes\.csv"):
        load(pairs(tmp_path / "coloured", saved=coloured))
    with pytest.raises(BadInput, match="there must be two classes or more"):
        load(pairs(tmp_path / "empty", saved=lambda m: Image.fromarray(np.full_like(m, 7))))
    with pytest.raises(BadInput, match=r"noise has masks with \d+ values; name the classes"):
        load(
            pairs(
                tmp_path / "noise",
                saved=lambda m: Image.fromarray((m * 192 + np.arange(192).reshape(m.shape)).astype("uint16")),
            )
        )


def test_two_splits_that_share_an_image_are_refused(tmp_path):
    for split in ("train", "test"):
        pairs(tmp_path / "x", 8, f"{split}/images/{{:02d}}.png", f"{split}/masks/{{:02d}}.png")
    with pytest.raises(BadInput, match=r"train/images/00.png \(train\) and test/images/00.png \(test\) are the same"):
        load(tmp_path / "x")


def test_corrupt_masks_and_those_of_another_size_are_left_out_when_that_is_wished(folder):
    (folder / "masks/00.png").write_bytes(b"none")
    put(folder, mask_of(1)[:-1], "masks/01.png")
    with pytest.raises(BadInput, match="and 1 more cannot be read"):
        load(folder)
    data = load(folder, skip_corrupt=True)
    assert set(data.left_out) == {"masks/00.png", "masks/01.png"} and sum(map(len, data.splits().values())) == 18
    put(folder, odd(9), "masks/02.png")
    (folder / "classes.txt").write_text("a\nb\nc\n")
    with pytest.raises(BadInput, match=r"masks/02\.png has the value 9"):  # no damage: nothing is left out for it
        load(folder, skip_corrupt=True)


def test_a_mask_that_changed_since_it_was_looked_at_is_refused(folder):
    data = load(folder)
    name = str(data.train.ids[0]).replace("images", "masks")
    put(folder, odd(9), name)
    with pytest.raises(BadInput, match="was changed while it was in use"):
        data.train.labels[np.arange(1)]


def test_a_photograph_that_is_turned_to_be_seen_takes_a_mask_as_it_is_seen(tmp_path):
    folder = pairs(tmp_path, image="images/{:02d}.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(folder / "images/00.jpg").rotate(90, expand=True).save(folder / "images/00.jpg", exif=exif, quality=95)
    are_as_written(load(folder))


def test_a_large_mask_is_counted_a_strip_at_a_time(monkeypatch):
    labels = np.arange(600 * 400, dtype="uint32").reshape(600, 400) % 7
    image = coloured(labels, {str(i): (i, 0, 9 * i) for i in range(7)})
    whole = mask_files.seen(image, "")
    monkeypatch.setattr(mask_files, "STRIP", 4000)
    tracemalloc.start()
    assert mask_files.seen(image, "") == whole
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert whole.counts == np.bincount(labels.ravel()).tolist() and peak < 4 * labels.size
