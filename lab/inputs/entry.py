"""What one image file is, by a look at its content."""

import json
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from lab.inputs.decoding import fitted, rgb, upright_size

LOOK = 64  # pixels, height and width at which the hash and the statistics are taken


class Entry(NamedTuple):
    """One image file; `error` says why it cannot be read, and the rest is then empty."""

    sha256: str
    width: int = 0  # as a viewer shows it
    height: int = 0
    mode: str = ""  # Pillow's: RGB, L, I;16, ...
    phash: str = ""  # perceptual hash, 64 bits in hexadecimal
    moments: str = ""  # `mean` and `square` as JSON: only who asks for them need wait until numbers are made of it
    error: str | None = None
    place: list[Any] = []  # coordinate system, left, top, right, bottom: where it lies on the ground, if it says so
    sketch: str = ""  # see `lab.inputs.ground`; of images whose bands are described

    def row(self) -> dict[str, Any]:
        """What it says, by name; in place of the moments `mean`, of R, G and B, 0 to 255, or of each band as it is
        stored, and `square`, the mean of the squares.
        """
        said = self._asdict()
        mean, square = json.loads(said.pop("moments") or "[[], []]")
        return said | {"mean": mean, "square": square}


def entry(image: Image.Image, sha256: str) -> Entry:
    """What an image is.

    Raises:
        Unreadable: it cannot be decoded.
    """
    import imagehash

    (width, height), mode = upright_size(image), image.mode
    small = fitted(rgb(image, 4 * LOOK), LOOK)
    pixels = small.reshape(-1, 3).astype("float64")
    mean, square = (np.round(v.mean(axis=0), 3).tolist() for v in (pixels, pixels**2))
    phash = str(imagehash.phash(Image.fromarray(small)))
    return Entry(sha256, width, height, mode, phash, json.dumps([mean, square]))
