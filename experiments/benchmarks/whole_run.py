"""What does a whole run cost beside a plain Keras script that builds, fits and evaluates the same?

`python -m lab.run`, from the command line to the record, the tables and the curve, in turn with the script that this
file is, on the same arrays, with the same kernels and the same way to keep memory. The lab does more: it looks for
mistakes, keeps the best weights and where it stands after each epoch, proves what moved, times predictions.

    python -m benchmarks.whole_run ARRAYS.npz      # the plain script alone
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import AT_MOST, Row, row, timed_command
from lab.runs.process import KEEP_FREED_MEMORY

ALPHA, SIZE, BATCH, EPOCHS, TIMES = 0.35, 64, 128, 8, 3
CLASSES = 43
STARTS = "import lab.environment as e; e.wake_keras(); print(0)"  # what a child does before it can begin


def measure() -> list[Row]:
    ours, plain, starts = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        arrays = drawn(Path(folder) / "signs.npz")
        for turn in range(TIMES):
            plain.append(timed_command("-m", "benchmarks.whole_run", str(arrays), **KEEP_FREED_MEMORY)[0])
            words = [
                "-m", "lab.run", "--strategy", "scratch", "--dataset", str(arrays), "--size", str(SIZE),
                "--backbone", f"MobileNetV2(alpha={ALPHA})", "--batch-size", str(BATCH), "--epochs", str(EPOCHS),
                "--augment", "none", "--out", str(Path(folder) / str(turn)),
            ]  # fmt: skip
            ours.append(timed_command(*words)[0])
            starts.append(timed_command("-c", STARTS)[0])
    whole, bare, start = median(ours), median(plain), median(starts)
    what = f"a whole run: MobileNetV2({ALPHA}) at {SIZE} px, {EPOCHS} epochs of 4,300 images"
    return [
        row(f"{what}, start of the child left out", "s", whole - start, "plain Keras script", bare, (AT_MOST, 1.05)),
        row(what, "s", whole, "plain Keras script", bare),
    ]


def drawn(path: Path) -> Path:
    """The embedded signs as arrays in a file."""
    from lab.datasets import opened

    data = opened("signs(train=100)", None)[0].load(None)
    parts = {"train": data.train, "val": data.val, "test": data.test}
    named = {f"{letter}_{name}": v for name, s in parts.items() for letter, v in (("x", s.images), ("y", s.labels))}
    np.savez(path, **named)
    return path


def plain(arrays: str) -> None:
    """As a tutorial has it."""
    import keras

    file = np.load(arrays)
    x, y, x_val, y_val, x_test, y_test = (file[n] for n in ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"))
    inputs = keras.Input(x.shape[1:])
    scaled = keras.layers.Rescaling(1 / 127.5, -1)(keras.layers.Resizing(SIZE, SIZE)(inputs))
    base = keras.applications.MobileNetV2((SIZE, SIZE, 3), ALPHA, include_top=False, weights=None)
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(keras.layers.GlobalAveragePooling2D()(base(scaled))))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * -(-len(x) // BATCH))
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    began = time.perf_counter()
    model.fit(x, y, BATCH, EPOCHS, validation_data=(x_val, y_val), verbose=0)
    seconds = time.perf_counter() - began
    scores = [model.evaluate(*pair, BATCH, verbose=0)[1] for pair in ((x, y), (x_val, y_val), (x_test, y_test))]
    model.save_weights(str(Path(arrays).with_suffix(".weights.h5")))
    print(json.dumps({"fit": seconds, "accuracies": scores}))


if __name__ == "__main__":
    plain(sys.argv[1])
