"""What does zooming every image cost in memory, done to the arrays beforehand and done to each batch?

The lab that this one replaces enlarged its whole training set to 256 px and its labels to 1,000
columns before training ("Data + more labels", "+ resize"). Here images stay as they were read, as
uint8, and a batch of 128 is enlarged when its turn comes. Measured on arrays of the original's
shapes; the original's own are too large to make, so theirs is the size that NumPy gives for shape
and type: float32 images, float64 labels (one-hot columns with zeros joined to them). Half a minute.

    python experiments/memory.py
"""

import json
import resource
from pathlib import Path

import numpy as np

from lab import names
from lab.files import write_atomically
from lab.inputs.data import Split
from lab.networks.net import Net
from lab.records import store

TRAIN, TEST, CLASSES, BATCH = 86_989, 12_630, 43, 128
COLUMNS = {
    "Base data": (32, 43),
    "Data + more labels": (32, 1000),
    "Data + resize": (256, 43),
    "Data + more labels + resize": (256, 1000),
}


def split(count: int) -> Split:
    """A split of the original's shape, filled so that it is really in memory."""
    images = np.full((count, 32, 32, 3), 7, "uint8")
    return Split(images, np.arange(count) % CLASSES, np.arange(count))


def theirs(count: int, size: int, outputs: int) -> dict[str, list | int]:
    """Shapes and bytes of arrays that hold every image enlarged and every label as columns."""
    images, labels = (count, size, size, 3), (count, outputs)
    one_pixel, one_label = np.zeros((), "float32"), np.zeros((), "float32" if outputs == CLASSES else "float64")
    wanted = np.broadcast_to(one_pixel, images).nbytes + np.broadcast_to(one_label, labels).nbytes
    return {"images": list(images), "labels": list(labels), "bytes": wanted}


def ours(train: Split, test: Split, size: int) -> dict[str, int]:
    """Bytes of the splits as the lab holds them, and of one batch at its size on the device."""
    net = Net(names.build("backbones", "cnn10"), (size, size, 3), names.build("heads", "linear"), CLASSES)
    batch = net.sized(train.images[:BATCH])
    held = sum(s.images.nbytes + s.labels.nbytes for s in (train, test))
    return {"held": held, "batch": int(np.prod(batch.shape)) * 4}


def main() -> None:
    train, test = split(TRAIN), split(TEST)
    rows = []
    for name, (size, outputs) in COLUMNS.items():
        arrays = {"train": theirs(TRAIN, size, outputs), "test": theirs(TEST, size, outputs)}
        rows.append({"data": name, "size": size, "theirs": arrays, "ours": ours(train, test, size)})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {"batch_size": BATCH, "rows": rows, "peak_bytes_of_this_process": peak}
    path = store.results(Path.cwd()) / "memory.json"
    write_atomically(path, json.dumps(found, indent=1) + "\n")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
