"""The bytes of an image file to RGB as a viewer shows it, whatever its depth, mode and orientation."""

import io
import struct
import warnings
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

Fit = Literal["squash", "crop", "pad"]
Size = int | tuple[int, int]  # pixels: (height, width), or one number for both
Box = tuple[int, int, int, int]  # pixels: left, top, right, bottom
SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".bmp", ".gif", ".webp", ".tif", ".tiff")
ENDINGS = (*SUFFIXES, ".npy")  # of images whose bands are described
PARTS = (1, 2, 4, 8)  # of its size, that a JPEG is quickly decoded at
LARGEST = 200_000_000  # pixels of an image: 600 MB once decoded
warnings.filterwarnings("ignore", module=r"PIL\.")  # of what is corrupt: that is said in our own words, or mended
Image.MAX_IMAGE_PIXELS = None  # Pillow only warns from 89 megapixels on; `opened` refuses, at LARGEST

DAMAGED = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


class Unreadable(Exception):
    """What is wrong with an image, to be put behind its name."""


def decoded(content: bytes, size: Size, fit: Fit = "squash") -> np.ndarray:
    """An image file's content as RGB (height, width, 3) uint8.

    An image of another shape is squashed, cropped at its middle, or padded with black.

    Raises:
        Unreadable: it is no image, damaged, too large, or has no values that mean a colour.
    """
    with opened(content) as image:
        return fitted(rgb(image, max(sides(size))), size, fit)


def opened(content: bytes) -> Image.Image:
    """The image, its header read and nothing else.

    Raises:
        Unreadable: as `decoded`.
    """
    try:
        image = Image.open(io.BytesIO(content))
    except UnidentifiedImageError:
        raise Unreadable("is not a readable image: its content is of no known format") from None
    except DAMAGED as error:
        raise Unreadable(f"is not a readable image: {first_line(error)}") from None
    if image.width * image.height > LARGEST:
        raise Unreadable(f"has {image.width:,} x {image.height:,} pixels; {LARGEST // 10**6} million are allowed")
    return image


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) of the opened image as a viewer shows it.

    Raises:
        Unreadable: as `decoded`.
    """
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5  # by a quarter
    except DAMAGED as error:
        raise Unreadable(f"is not a readable image: {first_line(error)}") from None
    return (image.height, image.width) if turned else image.size


def rgb(image: Image.Image, least: int) -> Image.Image:
    """The opened image as RGB, upright; one of many more pixels than (least, least) may come smaller.

    16 bits are scaled to 8, transparency is laid on white, as a browser does.

    Raises:
        Unreadable: as `decoded`.
    """
    if plain := _plain_jpeg(image, least):
        return plain
    try:
        image.draft("RGB", (2 * least, 2 * least))  # as of a JPEG that is to be turned
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode.startswith("I"):
            image = _eight_bits(image)
        if image.mode == "F":
            raise Unreadable("has floating-point values, which mean no colour; save it with 8 or 16 bits")
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
    except DAMAGED as error:
        raise Unreadable(f"is not a readable image: {first_line(error)}") from None


def _plain_jpeg(image: Image.Image, least: int) -> Image.Image | None:
    """An upright JPEG of colours or grey, by libjpeg-turbo; None: Pillow is to read it, or to judge what is damaged.

    One with many more pixels than (least, least) comes at half, a quarter or an eighth of its size, half as large again
    as is needed: less is seen in the resized image.
    """
    import simplejpeg

    if image.format != "JPEG" or image.mode not in ("RGB", "L"):
        return None
    part = max(p for p in PARTS if p == 1 or min(image.size) >= 1.5 * p * least)
    wanted = {"min_height": -(-image.height // part), "min_width": -(-image.width // part)} if part > 1 else {}
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return None
        content = image.fp.getvalue()  # type: ignore[attr-defined]  # all of it, as `opened` put it there
        return Image.fromarray(simplejpeg.decode_jpeg(content, "RGB", fastdct=False, fastupsample=False, **wanted))
    except DAMAGED:
        return None


def fitted(image: Image.Image, size: Size, fit: Fit = "squash") -> np.ndarray:
    """The image as an array (height, width) or (height, width, C), resized with antialiasing if it has another size."""
    height, width = sides(size)
    if image.size != (width, height):
        if fit == "squash":
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        else:
            image = {"crop": ImageOps.fit, "pad": ImageOps.pad}[fit](image, (width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)


def seen(own: tuple[int, int], size: Size, fit: Fit = "squash") -> tuple[Box, Box]:
    """What `fitted` shows of an image of its `own` (height, width), and where in its result that lies."""
    (height, width), (high, wide) = sides(size), own
    part, place = (0, 0, wide, high), (0, 0, width, height)
    if fit == "pad":
        if wide / high > width / height:
            new = width, max(1, round(high / wide * width))
        else:
            new = max(1, round(wide / high * height)), height
        left, top = round((width - new[0]) / 2), round((height - new[1]) / 2)
        place = (left, top, left + new[0], top + new[1])
    if fit == "crop":
        kept = (width / height * high, high) if wide / high > width / height else (wide, height / width * wide)
        left, top = round((wide - kept[0]) / 2), round((high - kept[1]) / 2)
        part = (left, top, max(left + 1, round((wide + kept[0]) / 2)), max(top + 1, round((high + kept[1]) / 2)))
    return part, place


def sides(size: Size) -> tuple[int, int]:
    """(height, width)."""
    return (size, size) if isinstance(size, int) else size


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise Unreadable(f"has values from {values.min()} to {values.max()}; save it with 8 or 16 bits")
    return Image.fromarray(np.round(values / 257).astype("uint8"))


def first_line(error: Exception) -> str:
    """What an error says, or its kind where it says nothing, as EOFError."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:100]
