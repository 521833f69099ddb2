"""On a GPU: how fast does the original lab's network train, and how does throughput grow with the batch?

The lab that this one replaces trained NASNetMobile on GTSRB at 517 images/s at 32 px and at 85 at 256 px, on a GPU that
it did not name (SemyonBevzuk/DeepLearningLabs, lab5). In bfloat16 under the backend that is in use.
"""

from pathlib import Path

from benchmarks import Row, row, steps
from lab.environment import device
from lab.runs.setup import open_trainer
from lab.runs.spec import Run, resolve

THEIRS = {32: 517.0, 256: 85.0}  # images a second
BATCHES = (32, 128, 512, 2048)


def measure() -> list[Row]:
    if device() == "cpu":
        return []
    rows = [
        row(f"finetune, NASNetMobile from images of 32 px at {size} px, batch 128", "images/s", rate("NASNetMobile",
            size, 128), "the original lab, its own GPU", theirs)
        for size, theirs in THEIRS.items()
    ]  # fmt: skip
    grown, first = {batch: rate("MobileNetV2", 96, batch) for batch in BATCHES}, BATCHES[0]
    what = "finetune, MobileNetV2 at 96 px, batch"
    return rows + [
        row(f"{what} {batch}", "images/s", found, f"batch {first}", grown[first]) for batch, found in grown.items()
    ]


def rate(backbone: str, size: int, batch: int) -> float:
    """Images a second of the lab's own loop."""
    run = Run(
        strategy="finetune(warmup=0)", dataset="signs(train=48)", backbone=backbone, weights="none", size=size,
        batch_size=batch, augment="none", checks="none", precision="mixed_bfloat16",
    )  # fmt: skip
    trainer = open_trainer(resolve(run, Path()), Path(), lambda event: None)
    return steps.training(trainer, run, 0)["ours"]
