"""How much faster is a head on features that are computed once than one trained through the frozen backbone by `fit`?

NASNetMobile at 96 px, 10 epochs, as `extract` and as the plain script that this file is; then a second head on the same
features, and other strategies that need them. The backbone's weights are random, and the same for all: no ImageNet
weights are needed. Seconds are those from the first step to the last; tracing, validations and the features are among
them.

    python -m benchmarks.features ARRAYS.npz WEIGHTS.keras      # the plain script alone
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import AT_LEAST, AT_MOST, Row, row, said, timed_command
from benchmarks.whole_run import drawn
from lab.records import store
from lab.runs.process import KEEP_FREED_MEMORY

SIZE, BATCH, EPOCHS, CLASSES = 96, 64, 10, 43
SHARED = ("extract", "extract(rate=3.0)", "ridge", "knn")  # one after another


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        arrays, weights = drawn(Path(folder) / "signs.npz"), Path(folder) / "nasnet.keras"
        bare = said("-m", "benchmarks.features", str(arrays), str(weights), **KEEP_FREED_MEMORY)
        for strategy in SHARED:
            run(arrays, weights, strategy, "linear")
        run(arrays, weights, "extract", "mlp")
        found = {(r["choices"]["strategy"], r["choices"]["head"]): r for r in store.read(Path(folder))}
    first, second, third = (found[key] for key in (("extract", "linear"), (SHARED[1], "linear"), ("extract", "mlp")))
    name = f"NASNetMobile at {SIZE} px, {EPOCHS} epochs of 4,300 images"
    theirs = f"fit through the frozen backbone, accuracy {bare['accuracy']:.3f}"
    rows = [
        row(f"extract, {name}, accuracy {first['test']['accuracy']:.3f}", "s", first["cost"]["train_seconds"], theirs,
            bare["fit"], (AT_LEAST, 8)),
        row("a second linear head on the same features", "s", second["cost"]["train_seconds"], theirs, bare["fit"],
            (AT_LEAST, 50)),
        row("an mlp on them, 0.7 million parameters", "s", third["cost"]["train_seconds"], theirs, bare["fit"],
            (AT_LEAST, 50)),
    ]  # fmt: skip
    rest = [found[key]["cost"]["seconds"] for key in found if key != ("extract", "linear")]
    what = f"{len(rest)} more runs on the same features, each from its start to its end, on average"
    computed = sum(r["steps"][0]["features"] == "computed" for r in found.values())
    rows.append(row("runs that computed the features", "runs", computed, "runs on them", len(found), (AT_MOST, 0.2)))
    return [*rows, row(what, "s", sum(rest) / len(rest), "the first of them", first["cost"]["seconds"])]


def run(arrays: Path, weights: Path, strategy: str, head: str) -> None:
    words = [
        "--strategy", strategy, "--head", head, "--dataset", str(arrays), "--backbone", "NASNetMobile", "--weights",
        str(weights), "--size", str(SIZE), "--batch-size", str(BATCH), "--epochs", str(EPOCHS), "--augment", "none",
        "--out", str(arrays.parent),
    ]  # fmt: skip
    timed_command("-m", "lab.run", *words)


def plain(arrays: str, weights: str) -> None:
    """As a tutorial has it; leaves the weights that the lab then starts from."""
    import keras

    keras.utils.set_random_seed(0)
    file = np.load(arrays)
    inputs = keras.Input(file["x_train"].shape[1:])
    scaled = keras.layers.Rescaling(1 / 127.5, -1)(keras.layers.Resizing(SIZE, SIZE)(inputs))
    base = keras.applications.NASNetMobile((SIZE, SIZE, 3), include_top=False, weights=None)
    base.save(weights)
    base.trainable = False
    pooled = keras.layers.GlobalAveragePooling2D()(base(scaled, training=False))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(pooled))
    rate = keras.optimizers.schedules.CosineDecay(2e-2, EPOCHS * -(-len(file["x_train"]) // BATCH))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    began = time.perf_counter()
    validation = (file["x_val"], file["y_val"])
    model.fit(file["x_train"], file["y_train"], BATCH, EPOCHS, validation_data=validation, verbose=0)
    seconds = time.perf_counter() - began
    accuracy = model.evaluate(file["x_test"], file["y_test"], BATCH, verbose=0)[1]
    print(json.dumps({"fit": seconds, "accuracy": accuracy}))


if __name__ == "__main__":
    plain(*sys.argv[1:])
