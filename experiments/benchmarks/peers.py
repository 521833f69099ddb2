"""How fast do a plain Keras script and PyTorch train and predict the same network on the same images?

Each in a process of its own, in turn; PyTorch with Hugging Face's MobileNetV2, channels last. As a tutorial has it:
`fit` and `predict` on arrays in memory, Adam, cross-entropy, no augmentation.

    python -m benchmarks.peers NAME BACKBONE_ALPHA SIZE BATCH      # one of them alone
"""

import json
import os
import sys
from statistics import median
from typing import Any

import numpy as np

from benchmarks import Row, have, peers, row, said
from benchmarks._torch import rate, rates

CASES = ((1.0, 96, 64), (0.35, 64, 128))  # width of the network, pixels, batch
CLASSES, STEPS, TIMES = 43, 12, 3
NAMES = {
    "keras": "plain Keras script",
    "keras_alike": "the same, with the lab's kernels and memory",
    "torch": "PyTorch, channels last",
}
TUNED = ("lab", "keras_alike")


def measure() -> list[Row]:
    from lab.runs.process import KEEP_FREED_MEMORY

    rows = []
    for alpha, size, batch in CASES:
        words = [str(alpha), str(size), str(batch)]
        others = [name for name in NAMES if name != "torch" or have("torch", "transformers")]
        found: dict[str, list[Any]] = {name: [] for name in ("lab", *others)}
        for _ in range(TIMES):
            for name, some in found.items():
                variables = KEEP_FREED_MEMORY if name in TUNED else {}
                python = peers() if name == "torch" else sys.executable
                some.append(said("-m", "benchmarks.peers", name, *words, python=python, **variables))
        for i, what in enumerate(("training", "prediction")):
            rate = {name: median(pair[i] for pair in some) for name, some in found.items()}
            title = f"{what}, MobileNetV2({alpha:g}) at {size} px, batch {batch}"
            rows += [row(title, "images/s", rate["lab"], NAMES[name], rate[name]) for name in others]
    return rows


def images(size: int, count: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size, size, 3), "uint8"), rng.integers(0, CLASSES, count)


def of_lab(alpha: float, size: int, batch: int) -> tuple[float, float]:
    """The lab's own loops, on the same arrays."""
    from pathlib import Path

    from benchmarks import steps
    from lab.runs.setup import open_trainer
    from lab.runs.spec import Run, resolve

    run = Run(
        strategy="finetune(warmup=0)", dataset="signs(train=48)", backbone=f"MobileNetV2(alpha={alpha})", size=size,
        batch_size=batch, weights="none", augment="none", checks="none",
    )  # fmt: skip
    trainer = open_trainer(resolve(run, Path()), Path(), lambda event: None)
    return steps.training(trainer, run, 0)["ours"], steps.evaluation(trainer, run)["ours"]


def of_keras(alpha: float, size: int, batch: int) -> tuple[float, float]:
    """As the guide at https://keras.io/guides/transfer_learning has it."""
    import keras

    x, y = images(size, batch * STEPS)
    inputs = keras.Input((size, size, 3))
    base = keras.applications.MobileNetV2((size, size, 3), alpha, include_top=False, weights=None)
    features = keras.layers.GlobalAveragePooling2D()(base(keras.layers.Rescaling(1 / 127.5, -1)(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(features))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    trained = rate(lambda: model.fit(x, y, batch, verbose=0), len(x))
    return trained, rate(lambda: model.predict(x, batch, verbose=0), len(x))


def of_torch(alpha: float, size: int, batch: int) -> tuple[float, float]:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    config = MobileNetV2Config(depth_multiplier=alpha, image_size=size, num_labels=CLASSES)
    x, y = images(size, batch * STEPS)
    return rates(MobileNetV2ForImageClassification(config), x, y, batch, lambda given: given.logits)


if __name__ == "__main__":
    name, alpha, size, batch = sys.argv[1:]
    if name not in TUNED:
        os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)  # that importing the lab has set
    measured = {"lab": of_lab, "torch": of_torch}.get(name, of_keras)
    print(json.dumps(measured(float(alpha), int(size), int(batch))))
