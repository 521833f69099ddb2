"""How fast do five networks train and predict beside the same of torchvision, timm and smp, and beside a bare product?

Each in a process of its own, in turn, on arrays in memory, with Adam, cross-entropy and no augmentation; PyTorch with
channels last. The networks are the same to the parameter, which is checked: decoders of segmentation_models_pytorch
(smp) are put together as the lab's are, that of U-Net without its last block, at full resolution, that of DeepLabV3+
with both convolutions behind the join. Only rates of dropout are each library's own.

The limit is what a product of two matrices of 2048 x 2048 reaches on the same cores, by TensorFlow or by PyTorch,
whichever is faster. Operations are counted as lab/networks/flops.py does, kernels only, three times in a training step:
forward, and the gradients of what is read and of the kernels. What has no kernel takes time and counts for nothing, and
a depthwise convolution waits for memory, so that MobileNetV2 and EfficientNetB0 stay far below.

Where prediction's time goes, by TensorFlow's profiler, of a batch's operations: of EfficientNetB0's 72 ms swishes 15,
which PyTorch computes in place, depthwise convolutions 10, others 35, what batch norm does to kernels most of 6; of
DeepLabV3+'s 126 three dilated convolutions 46, which TensorFlow takes apart into as many images as they skip pixels;
of ResNet18's 125 and U-Net's 105 convolutions 112 and 93, what batch norm does to kernels nearly 8 and 6. Kernels are
computed of the live variables in each batch: kept, they would have to be told when a weight changes.

    python -m benchmarks.networks NAME LIBRARY      # one of them alone
"""

import json
import os
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from benchmarks import AT_LEAST, Row, have, peers, row, said
from benchmarks._torch import rate, rates

STEPS, TIMES = 6, 3  # steps that are timed together; processes of each
SIDE = 2048  # of the matrices
ALONE = (AT_LEAST, 1.1)  # the aim of prediction on one core
FORWARDS = {"training": 3, "prediction": 1}  # of an image


class Case(NamedTuple):
    backbone: str
    head: str | None
    size: int
    batch: int
    others: dict[str, str]  # {library: what it calls the network}
    cores: int | None = None  # None: all

    @property
    def classes(self) -> int:
        return 8 if self.head else 43  # of the lab's scenes and of its signs


def classifier(backbone: str, torchvision: str, timm: str, batch: int = 32, cores: int | None = None) -> Case:
    return Case(backbone, None, 96, batch, {"torchvision": torchvision, "timm": timm}, cores)


def segmenter(head: str, smp: str) -> Case:
    return Case("resnet18", head, 128, 8, {"smp": smp})


MOBILE = ("MobileNetV2(alpha=0.35)", "mobilenet_v2", "mobilenetv2_035")
CASES = {
    "MobileNetV2(0.35)": classifier(*MOBILE),
    "MobileNetV2(0.35) on one core": classifier(*MOBILE, batch=64, cores=1),
    "ResNet18": classifier("resnet18", "resnet18", "resnet18"),
    "EfficientNetB0": classifier("EfficientNetB0", "efficientnet_b0", "efficientnet_b0"),
    "U-Net on ResNet18": segmenter("unet(256,128,64,32,norm='batch')", "Unet"),
    "DeepLabV3+ on ResNet18": segmenter("deeplabv3plus(width=256)", "DeepLabV3Plus"),
}
MODULES = {"torchvision": "torchvision", "timm": "timm", "smp": "segmentation_models_pytorch"}


def measure() -> list[Row]:
    there = [library for library, module in MODULES.items() if have("torch", module)]
    reached = {n: of["gflops"] for n, of in in_processes("product", ["lab", *there[:1]]).items()}
    limit, what = max(reached.values()), f"a product of two matrices of {SIDE} x {SIDE}, TensorFlow"
    rows = [row(what, "GFLOP/s", reached["lab"], "PyTorch", reached[n]) for n in there[:1]]
    for name, case in CASES.items():
        found = in_processes(name, ["lab", *(n for n in case.others if n in there)])
        rows += [r for what in FORWARDS for r in beside(what, name, found, limit)]
    return rows


def in_processes(name: str, libraries: list[str]) -> dict[str, Any]:
    """{library: medians of what its processes found}, which take turns."""
    from lab.runs.process import KEEP_FREED_MEMORY

    found: dict[str, list[Any]] = {library: [] for library in libraries}
    for _ in range(TIMES):
        for library, some in found.items():
            given = KEEP_FREED_MEMORY if library == "lab" else {"python": peers()}
            some.append(said("-m", "benchmarks.networks", name, library, **given))
    return {library: {f: median(one[f] for one in some) for f in some[0]} for library, some in found.items()}


def beside(what: str, name: str, found: dict[str, Any], limit: float) -> list[Row]:
    """Rows of one network: images a second beside each library's, and operations beside the limit.

    Raises:
        SystemExit: the networks are not the same.
    """
    ours, case = found["lab"], CASES[name]
    if len({of["parameters"] for of in found.values()}) > 1:
        raise SystemExit(f"{name}: parameters differ: { {n: of['parameters'] for n, of in found.items()} }")
    title = f"{what}, {name} ({ours['parameters'] / 1e6:.3g} M parameters) at {case.size} px, batch {case.batch}"
    aim = ALONE if case.cores == 1 and what == "prediction" else None
    rows = [row(title, "images/s", ours[what], n, of[what], aim) for n, of in found.items() if n != "lab"]
    if case.cores:
        return rows  # the product is on all of them
    reached = ours[what] * FORWARDS[what] * ours["gflops"]
    return [*rows, row(f"{title}: operations", "GFLOP/s", reached, "a product of matrices", limit)]


def product(multiply: Callable[[Any, Any], Any]) -> float:
    """GFLOP/s of a product of two matrices."""
    a, b = np.random.default_rng(0).normal(size=(2, SIDE, SIDE)).astype("float32")
    return rate(lambda: [multiply(a, b) for _ in range(STEPS)], STEPS) * 2 * SIDE**3 / 1e9


def of_lab(name: str) -> dict[str, float]:
    """The lab's own loops."""
    from benchmarks import steps
    from lab.networks.flops import gflops
    from lab.runs.setup import open_trainer
    from lab.runs.spec import Run, resolve

    case = CASES[name]
    run = Run(
        strategy="finetune(warmup=0)", dataset="scenes" if case.head else "signs(train=10)", backbone=case.backbone,
        head=case.head, size=case.size, batch_size=case.batch, weights="none", augment="none", checks="none",
    )  # fmt: skip
    trainer = open_trainer(resolve(run, Path()), Path(), lambda event: None)
    count, model = case.batch * STEPS, trainer.net.model
    images = trainer.data.train.images[:count]
    trained = rate(steps.loop(trainer, run, STEPS)[1], count)
    predicted = rate(lambda: [trainer.logits(images[i : i + case.batch]) for i in range(0, count, case.batch)], count)
    parameters = sum(prod(w.shape) for w in model.trainable_weights)
    return {"training": trained, "prediction": predicted, "parameters": parameters, "gflops": gflops(model)}


def of_torch(name: str, library: str) -> dict[str, float]:
    case = CASES[name]
    network = built(case, library)
    rng, count = np.random.default_rng(0), case.batch * STEPS
    x = rng.integers(0, 256, (count, case.size, case.size, 3), "uint8")
    y = rng.integers(0, case.classes, x.shape[:3] if case.head else count)
    parameters = sum(p.numel() for p in network.parameters())
    trained, predicted = rates(network, x, y, case.batch)
    return {"training": trained, "prediction": predicted, "parameters": parameters}


def built(case: Case, library: str) -> Any:
    """The library's network, from random weights."""
    called = case.others[library]
    if library == "timm":
        import timm

        return timm.create_model(called, num_classes=case.classes)
    if library == "torchvision":
        import torchvision

        width = {"width_mult": 0.35} if called == "mobilenet_v2" else {}
        return getattr(torchvision.models, called)(num_classes=case.classes, **width)
    return unet(case) if called == "Unet" else deeplab(case)


def unet(case: Case) -> Any:
    import segmentation_models_pytorch as smp
    from segmentation_models_pytorch.base import SegmentationHead

    widths = (256, 128, 64, 32, 16)
    model = smp.Unet(
        case.backbone, encoder_weights=None, classes=case.classes, decoder_channels=widths,
        decoder_interpolation="bilinear",
    )  # fmt: skip
    model.decoder.blocks = model.decoder.blocks[:-1]
    model.segmentation_head = SegmentationHead(widths[-2], case.classes, kernel_size=1, upsampling=2)
    return model


def deeplab(case: Case) -> Any:
    import segmentation_models_pytorch as smp
    import torch

    model = smp.DeepLabV3Plus(
        case.backbone, encoder_weights=None, classes=case.classes, decoder_atrous_rates=(6, 12, 18)
    )
    decoder = model.decoder
    pooling, *after = decoder.aspp
    decoder.aspp, decoder.block2 = pooling, torch.nn.Sequential(decoder.block2, *after)
    return model


def measured(name: str, library: str) -> dict[str, float]:
    if name != "product":
        return of_lab(name) if library == "lab" else of_torch(name, library)
    if library == "lab":
        import tensorflow

        return {"gflops": product(lambda a, b: tensorflow.linalg.matmul(a, b).numpy())}
    import torch

    return {"gflops": product(lambda a, b: torch.from_numpy(a) @ torch.from_numpy(b))}


if __name__ == "__main__":
    if cores := sys.argv[1] in CASES and CASES[sys.argv[1]].cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])  # before a library counts them
    print(json.dumps(measured(*sys.argv[1:])))
