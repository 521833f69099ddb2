"""Splits of photographs of drawn plates: each picture its own function of (seed, split, class, number)."""

from collections.abc import Sequence

import numpy as np

from lab.inputs.data import Split
from lab.scenery.drawing import Plate, draw, photograph, text


def photos(classes: Sequence[tuple[str, Plate, str]], counts: tuple[int, ...], seed: int, size: int) -> list[Split]:
    """One split for each count, with that many pictures of each class (name, plate, glyph)."""
    splits = []
    for number, count in enumerate(counts):
        images = np.empty((len(classes) * count, size, size, 3), "uint8")
        for label, (_, plate, glyph) in enumerate(classes):
            clean = draw(plate, text(glyph[1:]) if glyph.startswith("@") else glyph)
            for i in range(count):
                rng = np.random.default_rng([seed, number, label, i])
                images[label * count + i] = photograph(clean, rng, size)
        labels = np.repeat(np.arange(len(classes)), count)
        ids = np.array(
            [f"{['train', 'val', 'test'][number]}/{la:02d}/{i:04d}" for la in range(len(classes)) for i in range(count)]
        )
        splits.append(Split(images, labels, ids))
    return splits
