from dataclasses import dataclass

import numpy as np

from lab.datasets._tabular import Tabular
from lab.inputs.columns import Column, Table
from lab.inputs.data import Split, parted
from lab.inputs.splitting import dealt


@dataclass(frozen=True)
class BreastCancer(Tabular):
    """Scikit-learn's table of 569 tumours, 30 measures of cell nuclei each: malignant or benign.

    Breast Cancer Wisconsin (Diagnostic), Wolberg, Mangasarian, Street and Street 1993, UCI,
    https://doi.org/10.24432/C5DW2B, CC BY 4.0. 70 % train, 15 % val, 15 % test.
    """

    def load(self, data_dir):
        from sklearn.datasets import load_breast_cancer

        raw = load_breast_cancer()
        table = Table("diagnosis", tuple(Column(str(name)) for name in raw.feature_names))
        labels = raw.target.astype("int64")
        ids = np.array([f"tumour{i:03d}" for i in range(len(labels))])
        images = raw.data.astype("float32")[:, None, None, :]
        parts = dealt(labels, np.arange(len(labels)), [None] * len(labels), self.name)
        return parted(
            Split(images, labels, ids), parts, classes=tuple(map(str, raw.target_names)), bands=table.bands,
            table=table,
            source="Breast Cancer Wisconsin (Diagnostic), Wolberg et al. 1993, UCI, CC BY 4.0; through scikit-learn",
        )  # fmt: skip
