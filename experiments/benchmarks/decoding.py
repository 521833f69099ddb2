"""What does it cost to read a JPEG for a network of 96 px, beside Pillow and beside libjpeg-turbo decoding all of it?

CPU time an image, in turn: 100 pictures of smooth noise with a grain, of 160 x 120, 320 x 240 and
800 x 600 px. Pillow may decode down to twice the size, by `draft`; all are resized with antialiasing.
"""

import io
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks import AT_MOST, Row, row
from lab.inputs.decoding import decoded

SIZE, COUNT, TIMES = 96, 100, 5
SHAPES = ((160, 120), (320, 240), (800, 600))


def measure() -> list[Row]:
    rows = []
    for shape in SHAPES:
        files = [jpeg(shape, i) for i in range(COUNT)]
        ours, pillow, turbo = in_milliseconds(files, lambda f: decoded(f, SIZE), by_pillow, by_turbo)
        what = f"a JPEG of {shape[0]} x {shape[1]} px to {SIZE} px, CPU time"
        rows.append(row(what, "ms", ours, "Pillow", pillow, (AT_MOST, 1.0)))
        rows.append(row(what, "ms", ours, "libjpeg-turbo, all of it", turbo, (AT_MOST, 1.0)))
    return rows


def in_milliseconds(files: list[bytes], *ways: Callable[[bytes], np.ndarray]) -> list[float]:
    """The median of each, one after the other."""
    found: list[list[float]] = [[] for _ in ways]
    for _ in range(TIMES):
        for way, some in zip(ways, found, strict=True):
            began = time.process_time()
            for file in files:
                way(file)
            some.append(1000 * (time.process_time() - began) / len(files))
    return [median(some) for some in found]


def by_pillow(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (2 * SIZE, 2 * SIZE))
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def by_turbo(content: bytes) -> np.ndarray:
    whole = Image.fromarray(simplejpeg.decode_jpeg(content, "RGB"))
    return np.asarray(whole.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def jpeg(shape: tuple[int, int], number: int) -> bytes:
    """Smooth noise with a grain, about as large as a photograph of that size."""
    rng = np.random.default_rng(number)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 16, 3), "uint8")).resize(shape, Image.Resampling.BICUBIC)
    grainy = np.asarray(smooth) + rng.normal(0, 6, (shape[1], shape[0], 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(grainy, 0, 255).astype("uint8")).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
