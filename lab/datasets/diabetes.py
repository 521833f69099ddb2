from dataclasses import dataclass

import numpy as np

from lab.datasets._tabular import Tabular
from lab.inputs.columns import Column, Table
from lab.inputs.data import Split, parted
from lab.inputs.splitting import dealt, strata


@dataclass(frozen=True)
class Diabetes(Tabular):
    """Scikit-learn's table of 442 patients, 10 measures each, and how far their diabetes went in a year.

    Efron, Hastie, Johnstone and Tibshirani 2004, https://doi.org/10.1214/009053604000000067. 70 % train, 15 % val,
    15 % test.
    """

    task = "regression"

    def load(self, data_dir):
        from sklearn.datasets import load_diabetes

        raw = load_diabetes(scaled=False)
        table = Table("progression", tuple(Column(str(name)) for name in raw.feature_names))
        labels = raw.target.astype("float64")[:, None]
        ids = np.array([f"patient{i:03d}" for i in range(len(labels))])
        whole = Split(raw.data.astype("float32")[:, None, None, :], labels, ids)
        parts = dealt(strata(labels), np.arange(len(labels)), [None] * len(labels), self.name)
        return parted(
            whole, parts, numbers=("progression",), bands=table.bands, table=table,
            source="Diabetes data, Efron et al. 2004; through scikit-learn",
        )  # fmt: skip
