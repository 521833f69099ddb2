"""What does a short job cost, everything included, beside scripts that do the same in plain Keras and in PyTorch?

2,000 JPEGs of 160 x 120 px in ten folders, MobileNetV2(alpha=0.35) at 96 px from random weights, two epochs in batches
of 32, then the accuracy of all three parts: from the command line to the last line, each a command of its own, in turn.
The lab also looks at every file, looks for mistakes, re-estimates the statistics of batch norm, keeps the best weights,
writes down where it stands, and draws its pages. PyTorch's are Hugging Face's MobileNetV2, by a loop as one writes it
and by its Trainer; timm's, by the same loop on torchvision's folder; and timm's under fastai, with fastai's own head
and augmentation; each with two processes that decode.

    python -m benchmarks.short_job keras FOLDER      # one of the scripts alone
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import AT_MOST, Cost, Row, cost_of, have, peers, row

COUNT, CLASSES, SIZE, BATCH, EPOCHS, ALPHA, TIMES = 2000, 10, 96, 32, 2, 0.35, 5
SHAPE = (160, 120)
SHARES = (0.7, 0.15)  # of training and validation, as the lab deals them
SCRIPTS = {
    "keras": "plain Keras script", "torch": "PyTorch script", "trainer": "Hugging Face's Trainer",
    "timm": "timm script", "fastai": "fastai script",
}  # fmt: skip
NEEDS = {
    "torch": ("torch", "transformers"), "trainer": ("torch", "transformers", "accelerate"),
    "timm": ("torch", "torchvision", "timm"), "fastai": ("fastai", "timm"),
}  # fmt: skip


def measure() -> list[Row]:
    pythons = {"keras": sys.executable} | {name: peers() for name, needed in NEEDS.items() if have(*needed)}
    others = [name for name in SCRIPTS if name in pythons]
    found: dict[str, list[Cost]] = {name: [] for name in ("lab", *others)}
    with tempfile.TemporaryDirectory() as place:
        photos = drawn(Path(place) / "photos")
        for turn in range(TIMES):
            words = ["--dataset", str(photos), "--backbone", f"MobileNetV2(alpha={ALPHA})", "--size", str(SIZE)]
            words += ["--weights", "none", "--epochs", str(EPOCHS), "--out", f"{place}/{turn}"]
            cache = {"LAB_CACHE": f"{place}/cache{turn}"}  # each looks at the files for the first time
            found["lab"].append(cost_of("-m", "lab.run", *words, **cache))
            for name in others:
                found[name].append(cost_of("-m", "benchmarks.short_job", name, str(photos), python=pythons[name]))
    cost = {name: Cost(*map(median, zip(*some, strict=True))) for name, some in found.items()}
    what = f"{COUNT:,} JPEGs, MobileNetV2({ALPHA}) at {SIZE} px, {EPOCHS} epochs, everything included"
    rows = []
    for figure, unit, called in (("wall", "s", ""), ("cpu", "s", ", CPU time"), ("peak", "MB", ", memory at the most")):
        for name in others:
            ours, theirs = (getattr(cost[n], figure) for n in ("lab", name))
            rows.append(row(what + called, unit, ours, SCRIPTS[name], theirs, (AT_MOST, 1.0)))
    return rows


def drawn(folder: Path) -> Path:
    """The embedded signs, enlarged, with a grain, as JPEGs in class folders."""
    from lab.datasets import opened

    train = opened("signs(train=50)", None)[0].load(None).train
    rng = np.random.default_rng(0)
    for i, k in enumerate(rng.permutation(len(train))[:COUNT]):
        big = np.asarray(Image.fromarray(train.images[k]).resize(SHAPE, Image.Resampling.BICUBIC))
        grainy = np.clip(big + rng.normal(0, 6, big.shape), 0, 255).astype("uint8")
        path = folder / f"class{train.labels[k] % CLASSES}" / f"{i:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grainy).save(path, quality=90)
    return folder


def keras(folder: str) -> None:
    """As the guide at https://keras.io/guides/transfer_learning has it."""
    import keras

    files = keras.utils.image_dataset_from_directory(folder, image_size=(SIZE, SIZE), batch_size=BATCH, seed=0)
    steps = len(files)
    train, val = (round(share * steps) for share in SHARES)
    parts = files.take(train), files.skip(train).take(val), files.skip(train + val)
    inputs = keras.Input((SIZE, SIZE, 3))
    moved = keras.layers.RandomZoom(0.1)(
        keras.layers.RandomRotation(0.03)(keras.layers.RandomTranslation(0.08, 0.08)(inputs))
    )
    base = keras.applications.MobileNetV2((SIZE, SIZE, 3), ALPHA, include_top=False, weights=None)
    features = keras.layers.GlobalAveragePooling2D()(base(keras.layers.Rescaling(1 / 127.5, -1)(moved)))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(features))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    model.fit(parts[0], epochs=EPOCHS, validation_data=parts[1], verbose=0)
    print([model.evaluate(part, verbose=0)[1] for part in parts])


def _parts(folder: str) -> list[Any]:
    """Datasets of PyTorch: training, validation, test."""
    import torch

    files = sorted(Path(folder).rglob("*.jpg"))
    classes = sorted({f.parent.name for f in files})
    order = np.random.default_rng(0).permutation(len(files))

    class Photos(torch.utils.data.Dataset):
        def __init__(self, some: Any, moves: bool):
            self.some, self.rng = some, np.random.default_rng(0) if moves else None

        def __len__(self) -> int:
            return len(self.some)

        def __getitem__(self, i: int) -> dict[str, Any]:
            file = files[self.some[i]]
            image = Image.open(file).convert("RGB")
            if self.rng is not None:
                shift = self.rng.uniform(-0.08, 0.08, 2) * image.size
                image = image.rotate(self.rng.uniform(-10, 10), Image.Resampling.BILINEAR, translate=tuple(shift))
            pixels = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR), "float32") / 127.5 - 1
            return {
                "pixel_values": torch.from_numpy(pixels.transpose(2, 0, 1)),
                "labels": classes.index(file.parent.name),
            }

    return [Photos(some, moves=i == 0) for i, some in enumerate(_dealt(order))]


def _dealt(order: Any) -> list[Any]:
    """What is in an order, dealt to training, validation and test."""
    return np.split(order, np.cumsum([round(share * len(order)) for share in SHARES]))


def _network() -> Any:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    return MobileNetV2ForImageClassification(
        MobileNetV2Config(depth_multiplier=ALPHA, image_size=SIZE, num_labels=CLASSES)
    )


def _trained(
    parts: list[Any], network: Any, read: Callable[[Any], Any] = tuple, logits: Any = lambda given: given
) -> None:
    """The loop as one writes it in PyTorch; `read` makes (pixels, labels) of a batch."""
    import torch

    loaders = [torch.utils.data.DataLoader(p, BATCH, shuffle=i == 0, num_workers=2) for i, p in enumerate(parts)]
    model = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def answered(batch: Any) -> tuple[Any, Any]:
        pixels, labels = read(batch)
        return logits(model(pixels.contiguous(memory_format=torch.channels_last))), labels

    def accuracy(loader: Any) -> float:
        model.eval()
        with torch.inference_mode():
            pairs = map(answered, loader)
            return float(np.mean([(given.argmax(1) == labels).float().mean() for given, labels in pairs]))

    for _ in range(EPOCHS):
        model.train()
        for batch in loaders[0]:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(*answered(batch)).backward()
            optimizer.step()
        accuracy(loaders[1])
    print([accuracy(loader) for loader in loaders])


def torch(folder: str) -> None:
    _trained(_parts(folder), _network(), lambda b: (b["pixel_values"], b["labels"]), lambda given: given.logits)


def timm(folder: str) -> None:
    import timm
    import torch
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    seen = [transforms.Resize((SIZE, SIZE)), transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    bilinear = transforms.InterpolationMode.BILINEAR
    moved = [transforms.RandomAffine(10, (0.08, 0.08), interpolation=bilinear), *seen]
    order = np.random.default_rng(0).permutation(len(ImageFolder(folder)))
    parts = [
        torch.utils.data.Subset(ImageFolder(folder, transforms.Compose(seen if i else moved)), some.tolist())
        for i, some in enumerate(_dealt(order))
    ]
    _trained(parts, timm.create_model("mobilenetv2_035", num_classes=CLASSES))


def fastai(folder: str) -> None:
    """As the guide at https://docs.fast.ai/tutorial.vision.html has it."""
    from fastai.vision import all as vision

    files = vision.get_image_files(folder)
    parts = [[files[int(i)] for i in some] for some in _dealt(np.random.default_rng(0).permutation(len(files)))]
    validation = set(parts[1])
    loaders = vision.DataBlock(
        blocks=(vision.ImageBlock, vision.CategoryBlock), get_y=vision.parent_label,
        splitter=vision.FuncSplitter(validation.__contains__), item_tfms=vision.Resize(SIZE, "squish"),
        batch_tfms=vision.aug_transforms(do_flip=False, max_zoom=1.1, max_lighting=0, max_warp=0),
    ).dataloaders(parts[0] + parts[1], bs=BATCH, num_workers=2)  # fmt: skip
    learn = vision.vision_learner(
        loaders, "mobilenetv2_035", pretrained=False, normalize=False, metrics=vision.accuracy
    )
    with learn.no_bar(), learn.no_logging():
        learn.fit(EPOCHS, 3e-3)
        print([learn.validate(dl=loaders.test_dl(part, with_labels=True))[1] for part in parts])


def trainer(folder: str) -> None:
    from transformers import Trainer, TrainingArguments

    parts = _parts(folder)
    with tempfile.TemporaryDirectory() as out:
        how = TrainingArguments(
            out, num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, per_device_eval_batch_size=BATCH,
            learning_rate=3e-3, eval_strategy="epoch", save_strategy="no", report_to=[], disable_tqdm=True,
            dataloader_num_workers=2, remove_unused_columns=False, use_cpu=True,
        )  # fmt: skip
        made = Trainer(
            _network(), how, train_dataset=parts[0], eval_dataset=parts[1],
            compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(1) == p.label_ids).mean())},
        )  # fmt: skip
        made.train()
        print([made.evaluate(part)["eval_accuracy"] for part in parts])


if __name__ == "__main__":
    {"keras": keras, "torch": torch, "trainer": trainer, "timm": timm, "fastai": fastai}[sys.argv[1]](sys.argv[2])
