"""What does a run add to a training step, to evaluation and to prediction, beside the bare network on one batch?

The limit is `train_on_batch`, or `predict_on_batch`, of the same compiled model on a batch that is there already. The
lab's figures are of its own loops (`Training._fit`, `Trainer.evaluate`, `lab.predict`): batches put together, zoomed,
augmented, losses checked and told, figures taken.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import AT_LEAST, Row, in_turn, row, timed_command
from lab.inference import predicting
from lab.networks.load import reopen
from lab.records import store
from lab.runs.setup import open_trainer
from lab.runs.spec import Run, resolve
from lab.steps import Phase
from lab.training.phase import Training

STEPS, TIMES = 16, 9  # steps that are timed together, and how often
IMAGES = 2_048  # of a split that is evaluated, at least
BIG = {"backbone": "MobileNetV2", "size": 96, "batch_size": 64, "weights": "none"}
SMALL = {"backbone": "MobileNetV2(alpha=0.35)", "size": 64, "batch_size": 128, "weights": "none"}
TINY = {"backbone": "cnn10", "size": 32, "batch_size": 32}
DATA = "signs(train=48)"  # 32 px


def measure() -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as out:
        for case in (BIG, SMALL, TINY):
            for augment, aim in (("none", 0.95), ("light", 0.85)):
                run = Run(strategy="finetune", dataset=DATA, augment=augment, checks="none", **case)
                trainer = open_trainer(resolve(run, Path(out)), Path(out), lambda event: None)
                rows.append(training(trainer, run, aim))
            rows += [evaluation(trainer, run), prediction(trainer, run, Path(out))]
    return rows


def training(trainer: Any, run: Run, aim: float) -> Row:
    """Images a second of fine-tuning."""
    trained, lab = loop(trainer, run, STEPS)
    x, y = next(iter(trained.batches(0, range(1))))

    def limit() -> None:
        for _ in range(STEPS):
            trained.fitted.train_on_batch(x, y, return_dict=True)

    seconds = in_turn({"limit": limit, "lab": lab}, TIMES)
    ours, theirs = (STEPS * run.batch_size / seconds[name] for name in ("lab", "limit"))
    how = "no augmentation" if run.augment == "none" else "augmentation and zoom"
    return row(f"finetune, {named(run)}, {how}", "images/s", ours, "train_on_batch", theirs, (AT_LEAST, aim))


def loop(trainer: Any, run: Run, steps: int) -> tuple[Training, Callable[[], None]]:
    """(the phase that trains everything, compiled; what does so many steps of it in the lab's own loop)."""
    plan = resolve(run, Path()).strategy.steps(trainer.net.parts)
    phase = [step for step in plan if isinstance(step, Phase)][-1]
    trainer.record.append({})
    trained = Training(trainer, phase)
    trained.compile(1000)

    def lab() -> None:
        trained.begun = {"steps": 0, "seconds": 0.0, "sums": {}}
        trained._fit(0, range(steps), (steps, steps))

    return trained, lab


def evaluation(trainer: Any, run: Run) -> Row:
    """Images a second of the figures of a split."""
    steps = max(STEPS, IMAGES // run.batch_size)
    count = run.batch_size * steps
    split = trainer.data.train.take(np.arange(count) % len(trainer.data.train))
    x = trainer.net.sized(split.images[: run.batch_size])
    model = trainer._inference(trainer.net.model)

    def limit() -> None:
        for _ in range(steps):
            model.predict_on_batch(x)

    seconds = in_turn({"limit": limit, "lab": lambda: trainer.evaluate(split)}, TIMES)
    ours, theirs = (count / seconds[name] for name in ("lab", "limit"))
    return row(f"evaluation, {named(run)}", "images/s", ours, "predict_on_batch", theirs, (AT_LEAST, 0.95))


def prediction(trainer: Any, run: Run, out: Path) -> Row:
    """Images a second of what `lab.predict` does with files, once it has opened the network."""
    folder, count = out / str(run.backbone), run.batch_size * max(STEPS, IMAGES // run.batch_size)
    folder.mkdir()
    for i in range(count):
        Image.fromarray(trainer.data.train.images[i % len(trainer.data.train)]).save(folder / f"{i:06d}.png")
    words = ["-m", "lab.run", "--strategy", "scratch", "--dataset", "signs(train=2)", "--budget", "2steps", "--out"]
    given_by = {name: value for name, value in vars(run).items() if name in BIG and value is not None}
    choices = [word for name, value in given_by.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    timed_command(*words, str(out), *choices)
    record = max(store.read(out), key=lambda r: r["finished"])
    files, weights = predicting.listed(folder), store.kept(out, record, "weights.h5")
    given = predicting.predictor(record, weights, run.batch_size)
    net = reopen(record, weights)
    x = net.sized(trainer.data.train.images[: run.batch_size])

    def limit() -> None:
        for _ in range(count // run.batch_size):
            net.model.predict_on_batch(x)

    def lab() -> None:
        for images in predicting.batches(files, tuple(record["data"]["shape"]), "squash", run.batch_size):
            given(images)

    seconds = in_turn({"limit": limit, "lab": lab}, TIMES)
    ours, theirs = (count / seconds[name] for name in ("lab", "limit"))
    return row(f"prediction of PNG files, {named(run)}", "images/s", ours, "predict_on_batch", theirs, (AT_LEAST, 0.95))


def named(run: Run) -> str:
    return f"{run.backbone} at {run.size} px, batch {run.batch_size}"
