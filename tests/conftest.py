"""Small data and small networks; nothing here needs more than seconds."""

import gc
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as lab does; some tests import keras before it
os.environ["LAB_CACHE"] = tempfile.mkdtemp(prefix="lab-cache-")
os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

gc.set_threshold(50_000, 20, 20)  # networks that were traced stay: to look at all of them time and again is a fifth
ROOT = Path(__file__).parent.parent
READ_ON_IMPORT = ("KERAS_", "TF_", "XLA_", "JAX_", "PYTHONPATH")  # what Keras and its backends see in an environment
# Steps that are few enough are not traced: that takes longer than it saves, but where only a compiler makes it work
STEP = {"jit_compile": True} if os.environ.get("KERAS_BACKEND") == "jax" else {"run_eagerly": True}
QUICK_XLA = {"XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"}

LONGEST = (
    "worker", "run", "strategies", "export", "channels", "failures", "decoders", "augment", "train", "checkpoint",
    "killed", "explaining", "docs",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Files that take long come first: the last one would be waited for."""
    place = {f"test_{name}": i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def passes_under_jax(tmp_path, some, *files):
    """The tests of the files that `-k some` selects pass under JAX, where TensorFlow cannot even be imported."""
    (tmp_path / "tensorflow.py").write_text("raise ImportError('not here')\n")
    words = [sys.executable, "-m", "pytest", "-q", "-n0", *(f"tests/{name}.py" for name in files), "-k", some]
    there = {**os.environ, **QUICK_XLA, "KERAS_BACKEND": "jax", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=there)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr


def tiny_data(classes=4, size=16, bands=3, each=12, seed=0, forbids=frozenset()):
    """Images whose class is a bright quadrant: learnable in seconds, (N, size, size, bands) uint8."""
    from lab.inputs.data import Data, Split

    def split(number, count):
        rng = np.random.default_rng([seed, number])
        labels = np.tile(np.arange(classes), count)
        images = rng.integers(0, 120, (len(labels), size, size, bands)).astype("uint8")
        half = size // 2
        for image, label in zip(images, labels, strict=True):
            top, left = (label // 2) % 2 * half, label % 2 * half
            image[top : top + half, left : left + half] += 100
        return Split(images, labels.astype("int64"), np.array([f"{number}/{i}" for i in range(len(labels))]))

    return Data(split(0, each), split(1, 4), split(2, 5), tuple(f"class {i}" for i in range(classes)), forbids)


def tiny_masks(classes=3, height=24, width=32, count=12, seed=0):
    """Dark images with a bright rectangle for each class above 0, which the mask (height, width) outlines."""
    from lab.inputs.data import IGNORED, Data, Split

    def split(number, count):
        rng = np.random.default_rng([seed, number])
        images = rng.integers(0, 40, (count, height, width, 3)).astype("uint8")
        masks = np.zeros((count, height, width), "uint8")
        for image, mask in zip(images, masks, strict=True):
            for label in range(1, classes):
                top, left = rng.integers(0, height - 9), rng.integers(0, width - 9)
                image[top : top + 9, left : left + 9] = 20
                image[top : top + 9, left : left + 9, label % 3] = 200
                mask[top : top + 9, left : left + 9] = label
            mask[0] = IGNORED
        return Split(images, masks, np.array([f"{number}/{i}" for i in range(count)]))

    palette = tuple((40 * i, 255 - 40 * i, 90) for i in range(classes))
    return Data(split(0, count), split(1, 4), split(2, 5), tuple(f"class {i}" for i in range(classes)), palette=palette)


def photos(folder, tree, size=16):
    """Writes `{path: number of the class}` as image files, each different, in the format that its ending names."""
    from PIL import Image

    for i, (path, label) in enumerate(tree.items()):
        rng = np.random.default_rng([i, label])
        image = rng.integers(0, 120, (size, size, 3)).astype("uint8")
        image[: size // 2 if label % 2 else size, : size // 2] += 100
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / path)
    return folder


def task_of(data):
    """The name of the task that the labels are for."""
    return "segmentation" if data.train.has_masks else "classification" if data.train.has_classes else "regression"


def checked(data):
    """The data, if they can be learnt from."""
    from lab.task import checked as for_task

    return for_task(data, task_of(data))


def tiny_trainer(tmp_path, data=None, head=None, own_top=False, backbone="cnn10(width=4)", source=None, **options):
    """A `Trainer` of a narrow cnn10, in this process; its backbone counts as coming from a source."""
    import keras

    from lab import names
    from lab.networks.load import open_net
    from lab.task import kind
    from lab.training.learner import Options
    from lab.training.trainer import Trainer

    keras.utils.set_random_seed(options.get("seed", 0))
    data = data or tiny_data()
    built = names.build("backbones", backbone)
    task, usual = kind(task_of(data)).of(data), "unet(4,4,4,4)" if data.train.has_masks else "linear"
    net = open_net(built, data.shape, names.build("heads", head or usual), len(data.classes), source, own_top)
    chosen = {"batch_size": 8, "learning_rate": 3e-3, "seed": 0, "epochs": 3, **options}
    return Trainer(net, data, task, Options(**chosen), tmp_path / "features", lambda event: None)


@pytest.fixture(scope="session", autouse=True)
def forked():
    """The processes of runs are forked of one that has Keras, but where a test has it imported in another way.

    Only on Linux: elsewhere what is forked of a process with threads may crash.
    """
    from lab.runs.process import Worker

    def settings():
        return {name: text for name, text in os.environ.items() if name.startswith(READ_ON_IMPORT)}

    own, first = Worker._start, settings()

    def start(worker, errors):
        if sys.platform != "linux" or settings() != first:
            return own(worker, errors)
        from forked import Forked

        worker.kind, worker.process = None, Forked(errors)
        return worker.process

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "_start", start)
        yield


@pytest.fixture
def trainer(tmp_path):
    return tiny_trainer(tmp_path)


# Finished runs with what they did on each test example, for comparisons
N = 60
LABELS = np.arange(N) % 4


def recorded_run(root, strategy, seed, wrong, experiment="x", **choices):
    """Writes a finished run whose first `wrong` test examples, shifted by the seed, are wrong; returns its record."""
    from lab.records import store

    predicted = LABELS.copy()
    places = (np.arange(wrong) + 3 * seed) % N
    predicted[places] = (predicted[places] + 1) % 4
    name = (
        f"m-{strategy.partition('(')[0]}-{choices.get('dataset', 'd')}-{choices.get('size', 32)}px-s{seed}-{wrong:08x}"
    )
    accuracy = float((predicted == LABELS).mean())
    made = {
        "schema": 1, "name": name, "experiment": experiment, "status": "done", "label": None, "digest": name,
        "group": strategy, "command": "python -m lab.run",
        "choices": {"task": "classification", "strategy": strategy, "dataset": "d", "data": "d", "backbone": "cnn10",
                    "weights": "source", "head": "linear", "size": 32, "limit": None, "seed": seed, "bn": "sound",
                    "precision": "float32", "budget": "3epochs"} | choices,
        "data": {"classes": ["a", "b", "c", "d"], "splits": {
            "train": {"examples": 90}, "val": {"examples": 30}, "test": {"digest": "t", "examples": N}}},
        "net": {"trained": 10}, "cost": {"train_seconds": 10.0, "train_cpu_seconds": 8.0, "peak_memory_mb": 900.0},
        "train": {"accuracy": 1.0, "loss": 0.1}, "val": {"accuracy": 0.9, "loss": 0.2},
        "test": {"accuracy": accuracy, "loss": 1.0, "examples": N}, "findings": [],
        "steps": [{"step": "train", "steps": 20, "seconds": 9.0, "history": [
            {"steps": 10 * e, "seconds": 4.0, "loss": 1, "val_loss": 1, "val_accuracy": 0.2 + 0.3 * e} for e in (1, 2)
        ]}],
    }  # fmt: skip
    made["choices"] = {k: v for k, v in made["choices"].items() if v != "-"}
    store.write(root, made)
    np.savez(
        store.results(root) / experiment / f"{name}.test.npz",
        labels=LABELS, predicted=predicted, p_true=np.ones(N, "float32"),
    )  # fmt: skip
    return made


@pytest.fixture
def tested(tmp_path):
    for seed in range(3):
        recorded_run(tmp_path, "finetune", seed, 5 + seed)
        recorded_run(tmp_path, "scratch", seed, 40 + 2 * seed, weights="none")
        recorded_run(tmp_path, "lpft", seed, 5)
        recorded_run(tmp_path, "knn", seed, 20, budget="-")
    return tmp_path


TINY = ["--backbone", "cnn10(width=4,norm='none')", "--weights", "none", "--dataset", "digits"]
TINY += ["--limit", "60", "--size", "16", "--epochs", "2"]
TRAINED = [*TINY, "--strategy", "finetune", "--contrast", "standardize", "--seeds", "2"]


def made_once(factory, name, make):
    """A folder of this name that `make` has filled: once for all processes that do the tests side by side."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        make(folder := factory.mktemp(name))
        return folder
    folder = factory.getbasetemp().parent / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            make(begun := factory.mktemp(name))
            begun.rename(folder)
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with two finished runs, one a seed, made by the command; copied by whoever uses it."""
    return made_once(tmp_path_factory, "trained", train)


def train(folder):
    from lab import command, run

    assert command.call(run.main, [*TRAINED, "--out", str(folder)]) == 0


@pytest.fixture(scope="session")
def trained_masks(tmp_path_factory):
    """A folder with two finished runs on masks, one a seed, and with their data in photos/; likewise."""
    return made_once(tmp_path_factory, "trained_masks", train_masks)


def train_masks(folder):
    from PIL import Image

    from lab import command, run

    data = tiny_masks()
    for word, split in data.splits().items():
        for kind, items in (("images", split.images), ("masks", split.labels)):
            place = folder / "photos" / kind / word
            place.mkdir(parents=True)
            for i, pixels in enumerate(items):
                Image.fromarray(pixels).save(place / f"{i:02d}.png")
    colours = "".join(f"{c},{r},{g},{b}\n" for c, (r, g, b) in zip(data.classes, data.palette, strict=True))
    (folder / "photos" / "classes.csv").write_text(f"name,r,g,b\n{colours}")
    words = ["--dataset", str(folder / "photos"), "--backbone", "cnn10(width=4,norm='none')", "--weights", "none"]
    words += ["--head", "unet(4,4,4,4)", "--strategy", "scratch", "--size", "32x24", "--epochs", "8", "--seeds", "2"]
    words += [
        "--batch-size",
        "4",
        "--learning-rate",
        "0.01",
        "--augment",
        "none",
        "--checks",
        "none",
        "--out",
        str(folder),
    ]
    assert command.call(run.main, words) == 0
