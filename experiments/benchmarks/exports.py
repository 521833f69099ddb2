"""How fast do the files that `lab.export` writes predict, each with its own runtime, beside Keras?

One network, the same images, in turn; a batch, and one image at a time.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import Row, in_turn, row
from lab import names
from lab.environment import hushed
from lab.exporting import formats
from lab.networks.net import Net
from lab.tasks.classification import Classification

NAMES = {"onnx": "ONNX Runtime", "litert": "LiteRT", "openvino": "OpenVINO"}
CASES = (("MobileNetV2", 96, 64), ("MobileNetV2(alpha=0.35)", 64, 128), ("MobileNetV2(alpha=0.35)", 64, 1))
TIMES = 7


def measure() -> list[Row]:
    formats.require(list(NAMES))
    rows = []
    for backbone, size, batch in CASES:
        net = Net(names.build("backbones", backbone), (size, size, 3), names.build("heads", "linear"), 43)
        model = formats.standalone(net, Classification())
        images = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3)).astype("float32")
        with tempfile.TemporaryDirectory() as folder:
            predict = {"keras": model.predict_on_batch}
            for name in NAMES:
                kind, file = formats.FORMATS[name], Path(folder) / formats.FORMATS[name].file
                with hushed():
                    kind.write(model, file)
                    predict[name] = kind.open(file)
            count = max(1, 256 // batch)
            work = {n: partial(several, p, images, count) for n, p in predict.items()}
            seconds = in_turn(work, TIMES)
        what = f"{backbone} at {size} px, {batch} at a time"
        rate = {n: batch * count / s for n, s in seconds.items()}
        rows += [row(f"{NAMES[n]}, {what}", "images/s", rate[n], "Keras", rate["keras"]) for n in NAMES]
    return rows


def several(predict: formats.Predict, images: np.ndarray, count: int) -> None:
    for _ in range(count):
        predict(images)
