"""How long until the first training step is done, beside a plain Keras script that builds, compiles and steps the same?

In CPU seconds from when Keras is imported, each in a process of its own, in turn: most of it is tracing. In that time
the lab reads its data, too, and builds a network with normalisation in one operation.

    python -m benchmarks.first_step lab BACKBONE SIZE      # one of them alone
"""

import sys
import time
from statistics import median

import numpy as np

from benchmarks import AT_MOST, Row, row, said
from lab.runs.process import KEEP_FREED_MEMORY

CASES = (("MobileNetV2(alpha=0.35)", 96), ("cnn10", 32))
CLASSES, BATCH, TIMES = 43, 32, 3


def measure() -> list[Row]:
    rows = []
    for backbone, size in CASES:
        found: dict[str, list[float]] = {"lab": [], "keras": []}
        for _ in range(TIMES):
            for name, some in found.items():
                some.append(said("-m", "benchmarks.first_step", name, backbone, str(size), **KEEP_FREED_MEMORY))
        ours, theirs = (median(some) for some in found.values())
        what = f"until the first step of {backbone} at {size} px is done, CPU time"
        rows.append(row(what, "s", ours, "plain Keras script", theirs, (AT_MOST, 0.5)))
    return rows


def of_lab(backbone: str, size: int) -> None:
    from pathlib import Path

    from lab.runs.setup import open_trainer
    from lab.runs.spec import Run, resolve
    from lab.steps import Phase
    from lab.training.phase import Training

    run = Run(
        strategy="finetune(warmup=0)", dataset="signs(train=2)", backbone=backbone, size=size, batch_size=BATCH,
        weights="none", augment="none", checks="none", epochs=1,
    )  # fmt: skip
    trainer = open_trainer(resolve(run, Path()), Path(), lambda event: None)
    trainer.record.append({})
    training = Training(trainer, Phase(trainer.net.parts.all))
    training.compile(10)
    training._step(0, *next(iter(training.batches(0, range(1)))))


def of_keras(backbone: str, size: int) -> None:
    """As the guide at https://keras.io/guides/transfer_learning has it, on the same network as the lab's."""
    import keras

    from lab import names

    inputs = keras.Input((size, size, 3))
    built = names.build("backbones", backbone)
    features = built.build((size, size, 3))(built.preprocess()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(keras.layers.GlobalAveragePooling2D()(features)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    x = np.random.default_rng(0).uniform(0, 255, (BATCH, size, size, 3)).astype("float32")
    model.train_on_batch(x, np.arange(BATCH) % CLASSES)


if __name__ == "__main__":
    from lab.environment import import_keras

    import_keras()
    began = time.process_time()
    {"lab": of_lab, "keras": of_keras}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(time.process_time() - began)
