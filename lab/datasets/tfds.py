from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab import names
from lab.datasets import digest_of
from lab.datasets._catalogue import Catalogued
from lab.datasets.arrays import arranged
from lab.errors import BadInput
from lab.inputs.data import hw
from lab.inputs.decoding import fitted
from lab.inputs.splitting import split_called


@dataclass(frozen=True)
class Tfds(Catalogued):
    """A data set of TensorFlow Datasets, as `--dataset tfds:eurosat`; fetched where there is a network.

    `--data-dir` is where it was prepared, or is to be (left out: TFDS's own, `~/tensorflow_datasets`).
    """

    written = "tfds:NAME"

    def __str__(self) -> str:
        return f"tfds:{self.of}" if self.of else super().__str__()

    def for_task(self, task):
        if task != "segmentation":
            return super().for_task(task)
        return names.find("datasets", "tfds_masks")(of=self.of, px=self.px)

    def fingerprint(self, data_dir):
        folder = Path(self._builder(data_dir).data_dir)
        about = sorted(p for p in folder.glob("*.json"))  # with each split's number of examples and bytes
        return digest_of([f"v{self.version}", *(p.read_text(encoding="utf-8") for p in about)])[:32]

    def load(self, data_dir):
        assert self.px is not None
        builder = self._builder(data_dir)
        image, label = self._keys(builder.info)
        images, labels, given = [], [], []
        for name in builder.info.splits:
            if (split := split_called(name)) is None and len(builder.info.splits) > 1:
                continue  # `unsupervised`, `extra`
            for example in examples_of(builder, name):
                images.append(resized(np.asarray(example[image]), hw(self.px)))
                labels.append(int(example[label]))
                given.append(split)
        classes = np.array(builder.info.features[label].names)
        about = f"TensorFlow Datasets {builder.info.full_name}"
        return arranged(np.stack(images), np.array(labels, "int64"), given, classes, about)

    def _builder(self, data_dir: str | None) -> Any:
        """A builder whose data are prepared.

        Raises:
            BadInput: there is no such data set, or it is not here and cannot be fetched.
        """
        import tensorflow_datasets

        try:
            builder = tensorflow_datasets.builder(self.of, data_dir=data_dir)
        except Exception as error:
            raise BadInput(f"{self} cannot be had: {_brief(error).partition(' Available')[0]}") from None
        try:
            builder.download_and_prepare()  # at once, where that was done before
        except Exception as error:
            raise BadInput(
                f"{self} is not prepared in {builder.data_dir} and cannot be fetched: {_brief(error)}; prepare it "
                "where there is a network and copy its folder, or say with --data-dir where it is"
            ) from None
        return builder

    def _keys(self, info: Any) -> tuple[str, str]:
        """Names of the image and of the label.

        Raises:
            BadInput: it is no data set of labelled images.
        """
        from tensorflow_datasets.core.features import ClassLabel, Image

        found = [[n for n, f in info.features.items() if isinstance(f, kind)] for kind in (Image, ClassLabel)]
        if not all(found):
            raise BadInput(
                f"{self} has the features {', '.join(info.features)}; it takes an image and a class label, or with "
                "--task segmentation an image and a mask"
            )
        return found[0][0], found[1][0]


def examples_of(builder: Any, split: str):
    """Without TensorFlow where the files are random-access, with it where they are TFRecords."""
    if builder.info.file_format and builder.info.file_format.value == "array_record":
        return builder.as_data_source(split=split)
    try:
        import tensorflow  # noqa: F401
    except ImportError:
        raise BadInput(
            f"{builder.info.full_name} is prepared as {builder.info.file_format.value}, which only TensorFlow reads; "
            "install it, or prepare the data with file_format='array_record'"
        ) from None
    import tensorflow_datasets

    return tensorflow_datasets.as_numpy(builder.as_dataset(split=split))


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w, C) of 8 or 16 bits to (*size, C) uint8."""
    from PIL import Image

    eight = np.round(image / 257).astype("uint8") if image.dtype == np.uint16 else image
    small = fitted(Image.fromarray(eight.squeeze(-1) if eight.shape[-1] == 1 else eight), size)
    return small.reshape(*size, -1)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
