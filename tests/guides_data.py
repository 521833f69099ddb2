"""The small data that the guides' commands are run on: folders and files with the names that the guides use."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
from conftest import photos
from PIL import Image

BAND = '[[band]]\nname = "{}"\nrole = "{}"\nwavelength = {}\n'
BANDS = {"blue": 490, "green": 560, "red": 665, "nir": 842, "swir1": 1610}  # nm
STAND_IN = """
import sys
import h5py
import keras
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group as save
net = keras.applications.MobileNetV2(input_shape=(224, 224, 3), alpha=0.35, include_top=False, weights=None)
with h5py.File(sys.argv[1], "w") as file:
    save(file, net)
"""
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"  # as Keras calls it in its cache


def my_photos(folder: Path) -> None:
    """Photographs of three classes, and two of which nobody has said what they show."""
    kinds = ("cat", "dog", "other")
    photos(folder / "my_photos", {f"{c}/{i:02d}.jpg": n for n, c in enumerate(kinds) for i in range(12)}, size=32)
    photos(folder / "new_photos", {"a.jpg": 0, "b.png": 1}, size=40)


def tables(folder: Path) -> None:
    """Customers who leave where they are young and pay much, and some of whom it is not known yet."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(120):
        age, income = int(rng.integers(18, 80)), "" if i % 17 == 0 else int(rng.integers(10, 90)) * 1000
        plan, town, leaves = rng.choice(["basic", "full"]), 1000 + int(rng.integers(0, 5)), age < 45
        lines.append(f"C{i:04d},{age},{income},{town},{plan},{'yes' if leaves else 'no'}")
    head = "customerID,age,income,zip,plan"
    (folder / "churn.csv").write_text("\n".join([f"{head},churn", *lines]) + "\n")
    (folder / "test.csv").write_text("\n".join([head, *(line.rpartition(",")[0] for line in lines[:9])]) + "\n")


def my_scenes(folder: Path) -> None:
    """Pictures with a bright rectangle, which their masks outline, and two pictures without a mask."""
    rng = np.random.default_rng(0)
    for i in range(18):
        image, mask = rng.integers(0, 90, (48, 64, 3)).astype("uint8"), np.zeros((48, 64), "uint8")
        top, left = rng.integers(0, 24, 2)
        image[top : top + 24, left : left + 24, i % 2] += 120
        mask[top : top + 24, left : left + 24] = 1 + i % 2
        places = [folder / "photos"] if i >= 16 else [folder / "my_scenes/images", folder / "my_scenes/masks"]
        for place, pixels in zip(places, (image, mask), strict=False):
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{i:02d}.png")
    (folder / "my_scenes/classes.txt").write_text("ground\nred thing\ngreen thing\n")


def my_tiles(folder: Path) -> None:
    """GeoTIFFs of five bands and masks of what is dark in the infrared, and a larger one."""
    rng = np.random.default_rng(0)
    for i in range(13):
        side = 96 if i == 12 else 32
        image = rng.integers(500, 3000, (side, side, len(BANDS))).astype("int16")
        water = np.zeros((side, side), bool)
        water[: side // 2, : 8 + 2 * i] = True
        image[water, 3:] //= 4
        _write(folder / ("large.tif" if i == 12 else f"my_tiles/images/{i:02d}.tif"), image)
        (folder / "my_tiles/masks").mkdir(exist_ok=True)
        if i < 12:
            Image.fromarray(water.astype("uint8")).save(folder / f"my_tiles/masks/{i:02d}.png")
    (folder / "my_tiles/bands.toml").write_text("".join(BAND.format(n, n.rstrip("1"), w) for n, w in BANDS.items()))
    (folder / "my_tiles/classes.txt").write_text("land\nwater\n")


def stand_in_weights(folder: Path) -> None:
    """Random weights where Keras would put those of ImageNet, since there may be no network."""
    place = folder / "keras" / "models"
    place.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", STAND_IN, place / FILE], check=True)


def _write(path: Path, image: np.ndarray) -> None:
    import rasterio

    path.parent.mkdir(parents=True, exist_ok=True)
    layers = np.moveaxis(image, 2, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", "GTiff", *image.shape[1::-1], len(layers), dtype=image.dtype) as file:
            file.write(layers)


MAKERS = {  # {what a page names: what makes it}
    "my_photos": my_photos,
    "churn.csv": tables,
    "my_scenes": my_scenes,
    "my_tiles": my_tiles,
    "MobileNetV2": stand_in_weights,
}
