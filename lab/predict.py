"""`python -m lab.predict RUN IMAGES`: a finished run's classes and probabilities for files of any size."""

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab import command, store
from lab.errors import BadInput
from lab.progress import over

SHOWN = 50  # lines
BATCH = 128


def main(argv: list[str]) -> int:
    made = command.parser("lab.predict", "Prints the classes that a finished run gives to images, with probabilities.")
    made.add_argument(
        "run", metavar="RUN", help="a finished run (python -m lab.report --runs lists them), or best:DATA"
    )
    made.add_argument("images", metavar="IMAGES", nargs="+", help="image files, folders, or a zip of images")
    made.add_argument("--top", type=int, default=3, metavar="K", help="how many classes a line shows (default: 3)")
    made.add_argument("--csv", metavar="FILE", help="write file, class and the probability of every class")
    made.add_argument("--submission", metavar="FILE", help="write a Kaggle submission: Path,ClassId")
    command.add_out(made)
    args = made.parse_args(argv)
    root = command.root_of(args.out)
    record = store.finished(root, args.run, ("done", "interrupted"))
    refuse_masks(record, "lab.predict")
    if record["status"] == "interrupted":
        print(f"note: {record['name']} was interrupted; these are its best weights until then", file=sys.stderr)
    classes = record["data"]["classes"]
    if not 1 <= args.top <= len(classes):
        raise BadInput(f"--top must be from 1 to {len(classes)}; received {args.top}")
    weights = store.kept(root, record, "weights.h5")
    files = [found for place in args.images for found in listed(Path(place))]
    names, table = [name for name, _, _ in files], probabilities(record, weights, files)
    for line in lines(names, table, classes, args.top):
        print(line)
    for place, text in ((args.csv, as_csv), (args.submission, as_submission)):
        if place:
            store.write_atomically(Path(place), text(names, table, classes))
            print(f"wrote {len(names):,} rows into {place}")
    return 0


def refuse_masks(record: dict[str, Any], command: str) -> None:
    """Refuses a run that predicts masks, which a command does not write yet.

    Raises:
        BadInput: names the run.
    """
    if record["choices"]["task"] == "segmentation":
        raise BadInput(f"{record['name']} predicts masks, which {command} does not write; it takes a classification")


def listed(place: Path) -> list[tuple[str, Any, str]]:
    """(name to show, the `Files` that hold it, its name in them) of an image, or of all in a folder or a zip.

    A folder's files are shown with its own name before them, as in `Test/00000.png`.

    Raises:
        BadInput: there is nothing there, or no image.
    """
    from lab.datasets._decoding import SUFFIXES
    from lab.datasets._files import Files

    if not place.exists():
        raise BadInput(f"no such image or folder: {place}")
    files = Files(str(place), "predict", alone=SUFFIXES)
    if place.is_file() and place.suffix.lower() in SUFFIXES:
        return [(place.as_posix(), files, place.name)]
    found = sorted(n for n in files.names if n.lower().endswith(SUFFIXES))
    if not found:
        raise BadInput(f"{place} holds no image; read are {', '.join(SUFFIXES)}")
    prefix = f"{place.resolve().name}/" if place.is_dir() else ""
    return [(prefix + name, files, name) for name in found]


def probabilities(record: dict[str, Any], weights: Path, files: list[tuple[str, Any, str]]):
    """Probabilities (N, K) of all files, which are read as the run read its data; a batch at a time."""
    from importlib import import_module

    from lab.environment import wake_keras

    wake_keras()
    import keras
    import numpy as np

    from lab.load import reopen
    from lab.net import to_numpy

    keras.config.set_dtype_policy(record["choices"]["precision"])
    task = import_module(f"lab.tasks.{record['choices']['task']}")
    net, parts = reopen(record, weights), []
    with over("predicting", len(files)) as advance:
        for images in batches(files, tuple(record["data"]["shape"]), fit_of(record["choices"]["dataset"])):
            real = len(images)
            full = np.concatenate([images, np.repeat(images[:1], BATCH - real, axis=0)])  # one shape, one trace
            parts.append(task.probabilities(to_numpy(net.model.predict_on_batch(net.sized(full))))[:real])
            advance(real)
    return np.concatenate(parts)


def fit_of(dataset: str) -> Any:
    """What the run's data set did to images that are not square."""
    from lab.datasets import opened

    return getattr(opened(dataset, None)[0], "fit", "squash")


def batches(files: list[tuple[str, Any, str]], shape: tuple[int, int, int], fit: Any) -> Iterator[Any]:
    """Images (B, H, W, C) uint8 at the size, with the bands and in the way of the run's data.

    Raises:
        BadInput: a file is no image, or damaged.
    """
    import numpy as np
    from PIL import Image

    size, _, bands = shape
    for start in range(0, len(files), BATCH):
        rgb = [opened.image(name, size, fit) for _, opened, name in files[start : start + BATCH]]
        yield np.stack([np.asarray(Image.fromarray(x).convert("L"))[..., None] if bands == 1 else x for x in rgb])


def lines(names: list[str], table, classes: list[str], top: int) -> Iterator[str]:
    """A line for each of the first files: name, and the likeliest classes with their probabilities."""
    for name, p in list(zip(names, table, strict=True))[:SHOWN]:
        best = p.argsort()[::-1][:top]
        yield f"{name}: " + ", ".join(f"{classes[i]} {p[i]:.3f}" for i in best)
    if len(names) > SHOWN:
        yield f"... and {len(names) - SHOWN:,} more; --csv FILE keeps them all"


def as_csv(names: list[str], table, classes: list[str]) -> str:
    best = table.argmax(axis=1)
    rows = [
        [name, int(i), classes[i], f"{p[i]:.6f}", *(f"{v:.6f}" for v in p)]
        for name, i, p in zip(names, best, table, strict=True)
    ]
    return _table(["file", "class_id", "class", "probability", *(f"p {c}" for c in classes)], rows)


def as_submission(names: list[str], table, classes: list[str]) -> str:
    return _table(["Path", "ClassId"], [[n, int(i)] for n, i in zip(names, table.argmax(axis=1), strict=True)])


def _table(head: list[str], rows: list[list]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(command.call(main))
