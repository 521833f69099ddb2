from dataclasses import dataclass

from lab.datasets import Dataset, stratified
from lab.inputs.data import Data, Split


@dataclass(frozen=True)
class Digits(Dataset):
    """Scikit-learn's 1,797 real handwritten digits, 8x8 grey: 60 % train, 20 % val, 20 % test."""

    @property
    def size(self):
        return 8

    def load(self, data_dir):
        import numpy as np
        from sklearn.datasets import load_digits

        raw = load_digits()
        images = np.round(raw.images[..., None] * (255 / 16)).astype("uint8")
        labels = raw.target.astype("int64")
        ids = np.array([f"digit{i:04d}" for i in range(len(labels))])
        whole = Split(images, labels, ids)
        train, val, test = (whole.take(i) for i in stratified(labels, (0.6, 0.2, 0.2), seed=0))
        return Data(
            train, val, test,
            classes=tuple(str(i) for i in range(10)),
            forbids=frozenset({"horizontal_flip", "vertical_flip"}),
            source="Optical Recognition of Handwritten Digits, Alpaydin and Kaynak 1998, UCI; through scikit-learn",
        )  # fmt: skip
