"""Images of any bands and type: GeoTIFF, .npy, a file a band; what is wrong with them; where they lie."""

import warnings

import numpy as np
import pytest
from PIL import Image

from lab.datasets import opened
from lab.errors import BadInput
from lab.inputs.data import IGNORED
from lab.inputs.ground import overlapping, sketch

rasterio = pytest.importorskip("rasterio")
NAMES = ("blue", "green", "red", "nir")
TOML = "nodata = -9999\n" + "".join(
    f'[[band]]\nname = "{n}"\nrole = "{n}"\nwavelength = {w}\n'
    for n, w in zip(NAMES, (490, 560, 665, 842), strict=True)
)


def tile(number, size=(16, 20), dtype="int16", bands=4):
    rng = np.random.default_rng(number)
    return rng.integers(-200, 4000, (*size, bands)).astype(dtype)


def write(path, image, **about):
    path.parent.mkdir(parents=True, exist_ok=True)
    layers = np.moveaxis(image, 2, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", "GTiff", *image.shape[1::-1], len(layers), dtype=image.dtype, **about) as file:
            file.write(layers)


def tiles(folder, count=12, ending="tif", toml=TOML, **options):
    """A folder of tiles and masks whose class 1 is where the infrared is bright."""
    for i in range(count):
        image = tile(i, **options)
        if ending == "tif":
            write(folder / f"images/{i}.tif", image)
        elif ending == "npy":
            (folder / "images").mkdir(parents=True, exist_ok=True)
            np.save(folder / f"images/{i}.npy", image if i % 2 else np.moveaxis(image, 2, 0))
        else:
            for k, name in enumerate(NAMES):
                write(folder / f"images/{i}/scene_{name}.tif", image[..., k : k + 1])
        (folder / "masks").mkdir(exist_ok=True)
        Image.fromarray((image[..., 3] > 2000).astype("uint8")).save(folder / f"masks/{i}.png")
    (folder / "bands.toml").write_text(toml)
    return folder


def load(folder, size="20x16", group=None, skip=False):
    dataset, where = opened(str(folder), None)
    return dataset.told(size, group, skip).load(where)


def every(data):
    """(id, image, mask) of all examples."""
    for split in data.splits().values():
        some = np.arange(len(split))
        yield from zip(split.ids, split.images[some], split.labels[some], strict=True)


@pytest.mark.parametrize("ending", ["tif", "npy", "folders"])
@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_values_are_what_is_stored(tmp_path, ending, dtype):
    toml = TOML if ending != "folders" else "".join(
        f'[[band]]\nname = "{n}"\nrole = "{n}"\nfile = "*_{n}.tif"\n' for n in NAMES
    )  # fmt: skip
    data = load(tiles(tmp_path / "t", ending=ending, toml=toml, dtype=dtype))
    assert [b.name for b in data.bands] == list(NAMES) and data.train.images.dtype == dtype
    found = list(every(data))
    assert len(found) == 12
    for name, image, mask in found:
        original = tile(int(name.rpartition("/")[2].partition(".")[0]), dtype=dtype)
        np.testing.assert_array_equal(image, original)
        np.testing.assert_array_equal(mask, original[..., 3] > 2000)


def test_bands_of_a_coarser_grid_are_brought_to_the_finest(tmp_path):
    toml = "".join(f'[[band]]\nname = "{n}"\nfile = "*_{n}.tif"\n' for n in NAMES)
    folder = tiles(tmp_path / "t", ending="folders", toml=toml)
    for i in range(12):
        write(folder / f"images/{i}/scene_nir.tif", np.full((8, 10, 1), 100 + i, "int16"))
    for name, image, _ in every(load(folder)):
        assert (image[..., 3] == 100 + int(name.rpartition("/")[2])).all()


def test_another_size_keeps_the_type_and_what_is_no_datum(tmp_path):
    folder = tiles(tmp_path / "t")
    holed = np.full((16, 20, 4), 1000, "int16")
    holed[:, :10] = -9999
    write(folder / "images/0.tif", holed)
    image = next(x for name, x, _ in every(load(folder, "10x8")) if name.endswith("/0.tif"))
    assert image.dtype == "int16" and image.shape == (8, 10, 4)
    assert (image[:, :4] == -9999).all() and (image[:, 6:] == 1000).all()
    assert set(np.unique(image)) == {-9999, 1000}  # nothing in between


def test_class_folders_of_tiles_are_read_likewise(tmp_path):
    for i in range(24):
        write(tmp_path / f"t/{'ab'[i % 2]}/{i}.tif", tile(i, (16, 16)))
    (tmp_path / "t/bands.toml").write_text(TOML)
    data = load(tmp_path / "t", 16)
    assert data.classes == ("a", "b") and data.shape == (16, 16, 4) and data.train.images.dtype == "int16"


def wrong(folder, what):
    if what == "nan":
        image = tile(3, dtype="float32")
        image[2, 3, 1] = np.nan
        return write(folder / "images/3.tif", image)
    if what == "nothing":
        return write(folder / "images/3.tif", np.full((16, 20, 4), -9999, "int16"))
    if what == "bands":
        return write(folder / "images/3.tif", tile(3, bands=3))
    if what == "size":
        return write(folder / "images/3.tif", tile(3, (16, 24)))
    if what == "cut":
        whole = (folder / "images/3.tif").read_bytes()
        return (folder / "images/3.tif").write_bytes(whole[: len(whole) // 2])
    return (folder / "images/3.tif").write_bytes(b"II*\0" + b"\xff" * 99)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nan", "has 1 values that are no number in green"),
        ("nothing", "holds no data"),
        ("bands", "has 3 bands; bands.toml describes 4: blue, green, red, nir"),
        ("size", "a mask has the size of its image"),
        ("cut", "is not a readable image"),
        ("garbage", "is not a readable image"),
    ],
)
def test_a_tile_that_is_wrong_is_named_in_a_line_and_can_be_skipped(tmp_path, what, said):
    wrong(folder := tiles(tmp_path / "t"), what)
    with pytest.raises(BadInput) as error:
        load(folder)
    line = str(error.value)
    assert said in line and "\n" not in line and "/3." in line
    data = load(folder, skip=True)
    assert sum(map(len, data.splits().values())) == 11 and len(data.left_out) == 1


def test_a_missing_file_of_a_band_is_named(tmp_path):
    toml = "".join(f'[[band]]\nname = "{n}"\nfile = "*_{n}.tif"\n' for n in NAMES)
    folder = tiles(tmp_path / "t", ending="folders", toml=toml)
    (folder / "images/5/scene_red.tif").unlink()
    with pytest.raises(BadInput, match=r"images/5 has no files \*_red.tif for the band red"):
        load(folder)


def test_tiles_that_show_the_same_ground_stay_together(tmp_path):
    """Cut from one scene with an overlap: found by their pixels alone."""
    ground = np.random.default_rng(0).integers(0, 4000, (32, 400, 4)).astype("int16")
    for i in range(12):
        write(tmp_path / f"t/images/{i}.tif", ground[:, 32 * i : 32 * i + 32 + (8 if i % 2 == 0 else 0)][:, :32])
        pair = ground[:, 32 * i - 8 * (i % 2) :][:, :32]  # each odd tile begins 8 px within the even one before
        write(tmp_path / f"t/images/{i}.tif", pair)
        (tmp_path / "t/masks").mkdir(exist_ok=True)
        Image.fromarray((pair[..., 3] > 2000).astype("uint8")).save(tmp_path / f"t/masks/{i}.png")
    (tmp_path / "t/bands.toml").write_text(TOML)
    split_of = {
        int(name.rpartition("/")[2].partition(".")[0]): split
        for split, part in load(tmp_path / "t", 32).splits().items()
        for name in part.ids
    }
    assert all(split_of[i] == split_of[i + 1] for i in range(0, 12, 2)) and len(set(split_of.values())) == 3


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_a_sketch_tells_an_overlap_from_none(dtype):
    rng = np.random.default_rng(1)
    ground = rng.integers(0, 255, (64, 200, 2)).astype(dtype)
    flat = np.zeros((64, 64, 2), dtype)
    parts = [ground[:, :64], ground[:, 56:120], ground[:, 120:184], flat, flat.copy(), ground[:3, :3]]
    assert overlapping([sketch(p) for p in parts]) == [(0, 1)]


def placed(folder, count=16, crs="EPSG:32633"):
    """Tiles of 10 m pixels in a row, each beside the other."""
    for i in range(count):
        transform = rasterio.transform.from_origin(500_000 + 200 * i, 5_000_000, 10, 10)
        image = tile(i)
        write(folder / f"images/{i:02d}.tif", image, crs=crs, transform=transform)
        (folder / "masks").mkdir(exist_ok=True)
        Image.fromarray((image[..., 3] > 2000).astype("uint8")).save(folder / f"masks/{i:02d}.png")
    (folder / "bands.toml").write_text(TOML)
    return folder


def splits_of(data):
    """The split of each tile, in their order."""
    found = {str(n).rpartition("/")[2]: split for split, part in data.splits().items() for n in part.ids}
    return [found[n] for n in sorted(found)]


@pytest.mark.parametrize(("group", "width"), [(None, 4), ("blocks:400", 2)])
def test_tiles_that_say_where_they_lie_are_split_by_blocks_of_ground(tmp_path, group, width):
    """500,000 is a multiple of both blocks, so they begin with the first tile."""
    splits = splits_of(load(placed(tmp_path / "t"), group=group))
    assert all(len(set(splits[i : i + width])) == 1 for i in range(0, 16, width)) and len(set(splits)) == 3


def test_blocks_want_tiles_that_say_where_they_lie(tmp_path):
    with pytest.raises(BadInput, match="--group blocks is for images that say where they lie; 12 of them do not"):
        load(tiles(tmp_path / "t"), group="blocks:400")


def test_masks_may_ignore_pixels_as_ever(tmp_path):
    folder = tiles(tmp_path / "t")
    for path in (folder / "masks").iterdir():
        mask = np.asarray(Image.open(path)).copy()
        mask[0] = IGNORED
        Image.fromarray(mask).save(path)
    assert all((mask[0] == IGNORED).all() and (mask[1:] < 2).all() for _, _, mask in every(load(folder)))
