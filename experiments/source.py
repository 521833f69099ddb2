"""What is the embedded source, and how good is it at its own task?

The checkpoint that `--weights source` loads: cnn10 with a linear head, trained from scratch on the
72 classes of `emblems` (a letter on a green hexagon, a yellow square or a white pentagon; listed by
`lab.datasets.emblems.CLASSES` and in the record), none of which is a class of `signs` or `digits`.
About 8 minutes on 2 CPU cores.

    python -m lab.run experiments/source.py     # trains it
    python experiments/source.py                # puts the trained weights into lab/source
"""

import shutil
from pathlib import Path

from lab import matrix
from lab.networks.weights import EMBEDDED
from lab.records import store

RUNS = matrix(
    strategy="scratch",
    dataset="emblems",
    backbone="cnn10",
    epochs=15,
    batch_size=64,
    augment="none",
    name="embedded source",
)


def install(root: Path, folder: Path) -> None:
    """Copies the finished run's record and weights to where `--weights source` looks."""
    (record,) = store.read(root, "source")
    weights = store.cache(root, "source") / f"{record['name']}.weights.h5"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(weights, folder / "emblems.weights.h5")
    shutil.copyfile(store.results(root) / "source" / f"{record['name']}.json", folder / "emblems.json")


if __name__ == "__main__":
    install(Path.cwd(), EMBEDDED)
