"""A mask's file: a number or a colour each pixel, as it is stored; resized by the nearest pixel, never interpolated."""

import hashlib
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from lab.inputs.data import IGNORED
from lab.inputs.decoding import DAMAGED, Fit, Unreadable, first_line, opened

Array = np.ndarray
STRIP = 1 << 22  # pixels of a mask that are counted at a time
MOST = 1000  # values of one mask; more are no classes
GREY = 0x010101  # between two grey colours


class Mask(NamedTuple):
    """What a mask holds; `error` says why it cannot be read, and the rest is then empty.

    A colour is written as one number, 0xRRGGBB.
    """

    sha256: str
    width: int = 0
    height: int = 0
    mode: str = ""  # Pillow's: L, P (numbers into a palette), I;16, I or RGB
    values: list[int] = []  # that occur, ascending; of mode RGB they are colours
    counts: list[int] = []  # pixels of each
    colours: list[int] = []  # that a viewer shows each value in; empty where it has none
    error: str | None = None

    @property
    def is_grey(self) -> bool:
        """Whether it is of numbers that were saved as colours, three times each."""
        return self.mode == "RGB" and all(v % GREY == 0 for v in self.values)


def look(files: Any, name: str) -> Mask:
    """Decodes one mask and says what it holds."""
    from lab.errors import BadInput

    try:
        content = files.read(name)
    except BadInput as error:
        return Mask("", error=str(error).removeprefix(files.called(name)).strip())
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        return seen(plain(content), sha256)
    except Unreadable as error:
        return Mask(sha256, error=str(error))


def plain(content: bytes) -> Image.Image:
    """A mask file's content as it is stored, upright, of mode L, P, I;16, I or RGB.

    Raises:
        Unreadable: it is no image, damaged, too large, or has no numbers or colours that can mean classes.
    """
    with opened(content) as image:
        try:
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
        except DAMAGED as error:
            raise Unreadable(f"is not a readable image: {first_line(error)}") from None
        if image.mode in ("RGBA", "LA"):
            if image.getchannel("A").getextrema() != (255, 255):
                raise Unreadable("has transparent pixels, which are of no class; save it without transparency")
            return image.convert(image.mode[:-1])
        if image.mode == "1":
            return Image.fromarray(np.asarray(image).astype("uint8"))
        if image.mode not in ("L", "P", "RGB") and not image.mode.startswith("I"):
            raise Unreadable(f"is of mode {image.mode}; a mask has whole numbers (8 or 16 bits) or RGB colours")
        return image


def seen(image: Image.Image, sha256: str) -> Mask:
    """What a mask as `plain` gives it holds; counted a strip at a time, so that a large one needs little memory.

    Raises:
        Unreadable: it has too many values, or negative ones.
    """
    total: Counter[int] = Counter()
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        values, counts = np.unique(numbers(strip), return_counts=True)
        total.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        if len(total) > MOST:
            raise Unreadable(
                f"has more than {MOST:,} {'colours' if image.mode == 'RGB' else 'values'}, which can be no classes; "
                "save it with one for each class, as PNG and without smooth edges"
            )
    stored = sorted(total)
    if stored[0] < 0:
        raise Unreadable(f"has the value {stored[0]}; a mask has whole numbers from 0 on")
    counted = [total[v] for v in stored]
    return Mask(sha256, image.width, image.height, image.mode, stored, counted, _colours(image, stored))


def _colours(image: Image.Image, values: list[int]) -> list[int]:
    if image.mode == "RGB":
        return values
    if image.mode == "L":
        return [v * GREY for v in values]
    palette = image.getpalette("RGB") or []
    return [int.from_bytes(bytes(palette[3 * v : 3 * v + 3])) for v in values] if 3 * values[-1] < len(palette) else []


def numbers(image: Image.Image) -> Array:
    """The numbers (h, w) that a mask as `plain` gives it has; colours as 0xRRGGBB."""
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        return pixels
    red, green, blue = (pixels[..., i].astype("int32") for i in range(3))
    return red << 16 | green << 8 | blue


def labelled(image: Image.Image, values: Array, labels: Array, size: tuple[int, int], fit: Fit) -> Array:
    """A mask as `plain` gives it as labels (*size) uint8; what is padded is ignored.

    Args:
        values: (V,) all numbers that it has, ascending.
        labels: (V,) uint8, of each.

    Raises:
        Unreadable: it has another number.
    """
    height, width = size
    nearest = Image.Resampling.NEAREST
    if fit == "pad":
        image = ImageOps.contain(image, (width, height), nearest)
    elif fit == "crop":
        image = ImageOps.fit(image, (width, height), nearest)
    else:
        image = image.resize((width, height), nearest)
    stored = numbers(image)
    place = np.minimum(np.searchsorted(values, stored), len(values) - 1)
    if not np.array_equal(values[place], stored):
        raise Unreadable("was changed while it was in use; start again")
    found = labels[place]
    if fit == "pad":
        return np.asarray(ImageOps.pad(Image.fromarray(found), (width, height), nearest, color=IGNORED))
    return found
