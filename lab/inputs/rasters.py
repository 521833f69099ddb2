"""Images of any number of bands, as they were stored: GeoTIFF, `.npy`, or a folder with a file for each band.

Whole numbers and floats stay what they are; nothing goes through 8 bits. What is no datum (`lab.inputs.bands`) stays so
when an image is resized, and counts for nothing in what is beside it.
"""

import hashlib
import io
import json
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lab.errors import BadInput
from lab.inputs import ground, npy
from lab.inputs.bands import FILE, Band, parsed, shown
from lab.inputs.decoding import DAMAGED, LARGEST, Fit, Size, Unreadable, first_line, fitted, sides
from lab.inputs.entry import LOOK, Entry
from lab.inputs.scaling import is_datum

Array = np.ndarray
NUMPY = b"\x93NUMPY"
# GDAL's names of the formats in files of these endings; others, as VRT and WMS, read what they name: files, addresses
FORMATS = ["GTiff", "PNG", "JPEG", "PNM", "BMP", "GIF", "WEBP"]


def described(files: Any) -> tuple[Band, ...]:
    """What the `bands.toml` of a folder or archive says, at its top or in the one folder there; empty without one.

    Raises:
        BadInput: it is wrong.
    """
    found = sorted((n for n in files.names if n.rpartition("/")[2] == FILE and n.count("/") < 2), key=len)
    if not found:
        return ()
    try:
        return parsed(files.read(found[0]).decode("utf-8-sig"), files.called(found[0]))
    except UnicodeDecodeError:
        raise BadInput(f"{files.called(found[0])} is not text in UTF-8") from None


def collapsed(names: list[str], bands: tuple[Band, ...]) -> list[str]:
    """Names of images: where each band is a file, the folders of such files in place of them."""
    if bands[0].file is None:
        return names
    folders = {n.rpartition("/")[0] for n in names if any(_is_of(n, band) for band in bands)}
    return sorted([n for n in names if n.rpartition("/")[0] not in folders] + list(folders))


def read(files: Any, name: str, bands: tuple[Band, ...], size: Size | None = None, fit: Fit = "squash") -> Array:
    """An image (H, W, C) as stored, or at another size.

    Raises:
        Unreadable: it is none, damaged, or has other bands than are described.
    """
    layers = [_layer(files.read(n)) for n in _parts(files, name, bands)]
    whole = layers[0] if bands[0].file is None else _stacked(layers, bands)
    if whole.shape[2] != len(bands):
        raise Unreadable(
            f"has {whole.shape[2]} bands; {FILE} describes {len(bands)}: {', '.join(b.name for b in bands)}"
        )
    return whole if size is None or whole.shape[:2] == sides(size) else resized(whole, bands, size, fit)


def resized(image: Array, bands: tuple[Band, ...], size: Size, fit: Fit = "squash") -> Array:
    """(H, W, C) at another size, antialiased, of the same type; what is mostly no datum is none there, either."""
    made = []
    for values, band in zip(np.moveaxis(image, 2, 0), bands, strict=True):
        valid = is_datum(values, band.nodata)
        share = fitted(Image.fromarray(valid.astype("float32")), size, fit)
        total = fitted(Image.fromarray(np.where(valid, values, 0).astype("float32")), size, fit)
        new = total / np.maximum(share, 1e-6)
        new = np.round(new) if values.dtype.kind in "iu" else new
        nothing = 0 if band.nodata is None else band.nodata
        made.append(np.where(share >= 0.5, new, nothing).astype(image.dtype))
    return np.stack(made, axis=2)


def look(files: Any, name: str, bands: tuple[Band, ...]) -> Entry:
    """What one image is; its moments are of each band's stored values, data only."""
    try:
        contents = [files.read(n) for n in _parts(files, name, bands)]
        entry = entry_of(read(files, name, bands), bands, hashlib.sha256(b"".join(contents)).hexdigest())
        return entry._replace(place=_place(contents[0]))
    except BadInput as error:
        return Entry("", error=str(error).removeprefix(files.called(name)).strip())
    except Unreadable as error:
        return Entry("", error=str(error))


def entry_of(image: Array, bands: tuple[Band, ...], sha256: str) -> Entry:
    """What an image (H, W, C) as stored is.

    Raises:
        Unreadable: it holds no data, or values that are no number and not declared as such.
    """
    import imagehash

    mean, square, data = [], [], 0
    for values, band in zip(np.moveaxis(image, 2, 0), bands, strict=True):
        declared = band.nodata is not None and np.isnan(band.nodata)
        if image.dtype.kind == "f" and not declared and (count := int(np.isnan(values).sum())):
            raise Unreadable(
                f"has {count:,} values that are no number in {band.name}; mend it, or say nodata = nan in {FILE}"
            )
        valid = values[is_datum(values, band.nodata)].astype("float64")
        data += len(valid)
        mean.append(round(float(valid.mean()), 6) if len(valid) else 0.0)
        square.append(round(float((valid**2).mean()), 6) if len(valid) else 0.0)
    if not data:
        raise Unreadable("holds no data: every value of every band is what stands for none")
    small = fitted(Image.fromarray(seen(image, bands)), LOOK)
    phash = str(imagehash.phash(Image.fromarray(small)))
    moments = json.dumps([mean, square])
    return Entry(sha256, image.shape[1], image.shape[0], str(image.dtype), phash, moments, sketch=ground.sketch(image))


def _place(content: bytes) -> list[Any]:
    if content[:6] == NUMPY:
        return []
    with raster(content) as opened:
        return ground.place_of(opened)


def seen(image: Array, bands: tuple[Band, ...]) -> Array:
    """A picture (H, W, 3) uint8 of an image: its colours, else its first bands, each stretched to its own range."""
    layers = []
    for i in shown(bands):
        values = image[..., i].astype("float64")
        valid = is_datum(image[..., i], bands[i].nodata)
        low, high = np.percentile(values[valid], (2, 98)) if valid.any() else (0, 1)
        scaled = np.clip(255 * (values - low) / max(high - low, 1e-9), 0, 255)
        layers.append(np.where(valid, scaled, 0))
    return np.stack(layers, axis=2).astype("uint8")


def _parts(files: Any, name: str, bands: tuple[Band, ...]) -> list[str]:
    """The files that an image is made of, a band's each, or its own."""
    if bands[0].file is None:
        return [name]
    inside = sorted(n for n in files.names if n.rpartition("/")[0] == name)
    parts = []
    for band in bands:
        found = [n for n in inside if _is_of(n, band)]
        if len(found) != 1:
            raise Unreadable(f"has {len(found) or 'no'} files {band.file} for the band {band.name}; one is needed")
        parts += found
    return parts


def _is_of(name: str, band: Band) -> bool:
    return fnmatchcase(name.rpartition("/")[2], band.file or "")


def _layer(content: bytes) -> Array:
    """A file's content as (H, W, C)."""
    if content[:6] == NUMPY:
        try:
            npy.look(io.BytesIO(content), len(content))
            array = np.load(io.BytesIO(content), allow_pickle=False)
        except (ValueError, TypeError, SyntaxError, EOFError, OSError) as error:
            raise Unreadable(f"is not a readable array: {first_line(error)}") from None
        array = array[..., None] if array.ndim == 2 else array
        if array.ndim != 3:
            raise Unreadable(f"has the shape {array.shape}; an image is (H, W), (H, W, C) or (C, H, W)")
        return _of_known_type(np.moveaxis(array, 0, 2) if array.shape[0] < min(array.shape[1:]) else array)
    with raster(content) as opened:
        if opened.width * opened.height * opened.count > 8 * LARGEST:
            raise Unreadable(f"has {opened.width:,} x {opened.height:,} pixels; cut it into tiles")
        return _of_known_type(np.moveaxis(opened.read(), 0, 2))


@contextmanager
def raster(file: bytes | Path) -> Iterator[Any]:
    """An image file, or the content of one, opened by rasterio.

    Raises:
        Unreadable: it cannot be opened or read.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    # for good: to catch warnings for a while is not safe in threads, and tiles without coordinates are no mistake
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    try:
        with ExitStack() as stack:
            is_path = isinstance(file, Path)
            place = file if is_path else stack.enter_context(rasterio.MemoryFile(file)).name
            with rasterio.Env():  # knows the formats; `rasterio.open` takes no list of them
                made = rasterio.DatasetReader(place, driver=FORMATS)
            yield stack.enter_context(made)
    except (RasterioError, *DAMAGED) as error:
        raise Unreadable(f"is not a readable image: {first_line(error)}") from None


def _of_known_type(array: Array) -> Array:
    if array.dtype.kind not in "iuf":
        raise Unreadable(f"has values of the type {array.dtype}; whole numbers and floats are read")
    return array if array.dtype.itemsize < 4 else array.astype("float32")


def _stacked(layers: list[Array], bands: tuple[Band, ...]) -> Array:
    """Bands (h, w, 1) as one image; the coarser ones are brought to the finest's size."""
    height, width = (max(layer.shape[axis] for layer in layers) for axis in (0, 1))
    dtype = np.result_type(*layers)
    fine = [
        layer if layer.shape[:2] == (height, width) else resized(layer[..., :1], (band,), (height, width))
        for layer, band in zip(layers, bands, strict=True)
    ]
    return np.concatenate([layer[..., :1] for layer in fine], axis=2).astype(dtype)
