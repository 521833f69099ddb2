from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from lab.datasets._masked import rarest
from lab.datasets.tfds import Tfds, examples_of, resized
from lab.errors import BadInput
from lab.inputs.class_list import numbered
from lab.inputs.data import Split, hw, parted
from lab.inputs.legends import Legend, legend_of, listed_legend
from lab.inputs.splitting import dealt, split_called

WORDS = ("mask", "segment", "annotation", "label")  # in the name of a mask's feature
MEANT = {  # values of masks that the data set itself does not name
    "oxford_iiit_pet": {1: "pet", 2: "background", 3: "border"},
}


@dataclass(frozen=True)
class TfdsMasks(Tfds):
    """The masks of a data set of TensorFlow Datasets, as `--task segmentation --dataset tfds:oxford_iiit_pet`.

    A mask is an image of one band that is called so (`segmentation_mask`, `annotation`, ...). Its classes are those
    that the data set names; in `oxford_iiit_pet` 1 is pet, 2 background and 3 the border between them, a class as
    in the benchmark's usual three; elsewhere as in `masks` without a list.
    """

    task = "segmentation"
    written = "tfds_masks:NAME"

    def __str__(self) -> str:
        return f"tfds_masks:{self.of}" if self.of else super().__str__()

    def load(self, data_dir):
        assert self.px is not None
        builder, size = self._builder(data_dir), hw(self.px)
        image, mask = self._keys(builder.info)
        images, masks, counts, given, ids = [], [], [], [], []
        for name in builder.info.splits:
            if (split := split_called(name)) is None and len(builder.info.splits) > 1:
                continue  # `unsupervised`, `extra`
            for number, example in enumerate(examples_of(builder, name)):
                pixels, stored = np.asarray(example[image]), np.asarray(example[mask])[..., 0]
                if pixels.shape[:2] != stored.shape:
                    raise BadInput(
                        f"{self}: image {number} of {name} is {pixels.shape[:2]} and its mask {stored.shape}"
                    )
                images.append(resized(pixels, size))
                masks.append(np.asarray(Image.fromarray(stored).resize(size[::-1], Image.Resampling.NEAREST)))
                values, each = np.unique(stored, return_counts=True)
                counts.append(dict(zip(values.tolist(), each.tolist(), strict=True)))
                given.append(split)
                ids.append(f"{name}/{number}")
        legend = self._legend(builder.info, mask, sum(map(Counter, counts), Counter()))
        labels, held = self._labelled(legend, np.stack(masks), counts)
        whole = Split(np.stack(images), labels, np.array(ids), pixels=held)
        parts = dealt(rarest(held), np.arange(len(ids)), given, str(self))
        about = {"palette": legend.palette, "source": f"TensorFlow Datasets {builder.info.full_name}"}
        return parted(whole, parts, classes=legend.classes, **about)

    def _legend(self, info: Any, mask: str, values: Counter[int]) -> Legend:
        if meant := MEANT.get(info.name):
            number = {v: i for i, v in enumerate(sorted(meant))}
            return listed_legend(numbered([meant[v] for v in sorted(meant)], [], str(self)), number)
        names = list(getattr(info.features[mask], "names", None) or [])
        return legend_of(values, numbered(names, [], str(self)) if names else None, None, str(self))

    def _labelled(
        self, legend: Legend, masks: np.ndarray, counts: list[dict[int, int]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(labels (N, H, W) uint8, pixels of each class (N, K)).

        Raises:
            BadInput: a value is of no class.
        """
        held = np.zeros((len(counts), 256), "int64")
        table = np.zeros(65536, "uint8")
        for row, (i, of) in zip(held, enumerate(counts), strict=True):
            for value, count in of.items():
                if value not in legend.values:
                    raise BadInput(f"{self}: mask {i} has the value {value}, which is no class")
                table[value] = legend.values[value]
                row[legend.values[value]] += count
        return table[masks], held[:, : len(legend.classes)]

    def _keys(self, info: Any) -> tuple[str, str]:
        """Names of the image and of the mask.

        Raises:
            BadInput: it is no data set of images with masks.
        """
        from tensorflow_datasets.core.features import Image as Feature

        found = {n: f.shape[-1] for n, f in info.features.items() if isinstance(f, Feature)}
        masks = [n for n, bands in found.items() if bands == 1 and any(word in n.lower() for word in WORDS)]
        images = [n for n in found if n not in masks]
        if not masks or not images:
            raise BadInput(
                f"{self} has the features {', '.join(info.features)}; for segmentation it takes an image and a mask, "
                f"an image of one band that is called {', '.join(WORDS)}"
            )
        return images[0], masks[0]
