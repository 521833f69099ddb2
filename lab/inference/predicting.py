"""What a finished run says of files and of rows: its network opened again, read as the run read its own data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lab.datasets import opened
from lab.environment import wake_keras
from lab.errors import BadInput
from lab.inputs.bands import Band, of_record
from lab.inputs.columns import Table, read
from lab.inputs.decoding import ENDINGS, SUFFIXES
from lab.inputs.folders import Files
from lab.inputs.reading import OnDemand, beside
from lab.progress import over
from lab.task import Task
from lab.task import of_record as task_of

BATCH = 128  # images at most
Listed = tuple[str, Any, str]  # the name to show, the `Files` that hold it, its name in them


@dataclass(frozen=True)
class Job:
    """Files for a finished run to say something of.

    Attributes:
        weights: of the run. task: its own.
        to_dir: where what it writes of each goes; None: nowhere.
        overlay: also the image with the mask over it.
    """

    record: dict[str, Any]
    weights: Path
    files: list[Listed]
    to_dir: str | None = None
    overlay: bool = False

    @property
    def task(self) -> Task:
        return task_of(self.record)

    @property
    def bands(self) -> tuple[Band, ...]:
        return of_record(self.record)

    @property
    def fit(self) -> Any:
        return fit_of(self.record["choices"]["dataset"])

    def said(self) -> Iterator[Any]:
        """Yields what there is to show of each file."""
        return self.task.predicted(self, lambda: answers(self.record, self.weights, self.files))


def listed(place: Path, bands: tuple[Band, ...] = ()) -> list[Listed]:
    """(name to show, the `Files` that hold it, its name in them) of an image, or of all in a folder or a zip.

    A folder's files are shown with its own name before them, as in `Test/00000.png`. Where each of the `bands` is a
    file of its own, an image is a folder.

    Raises:
        BadInput: there is nothing there, or no image.
    """
    if not place.exists():
        raise BadInput(f"no such image or folder: {place}")
    endings = ENDINGS if bands else SUFFIXES
    files = Files(str(place), "predict", alone=endings)
    files.bands = bands
    if place.is_file() and place.suffix.lower() in endings:
        return [(place.as_posix(), files, place.name)]
    found = files.pictures()
    if not found:
        raise BadInput(f"{place} holds no image; read are {', '.join(endings)}")
    prefix = f"{place.resolve().name}/" if place.is_dir() else ""
    return [(prefix + name, files, name) for name in found]


def predictor(record: dict[str, Any], weights: Path, count: int) -> Callable[[Any], Any]:
    """What gives the answers of up to `count` images (B, H, W, bands) as read."""
    wake_keras()
    import keras

    from lab.networks.load import reopen
    from lab.networks.net import to_numpy

    keras.config.set_dtype_policy(record["choices"]["precision"])
    task, net = task_of(record), reopen(record, weights)

    def predict(images: Any) -> Any:
        full = np.concatenate([images, np.repeat(images[:1], count - len(images), axis=0)])  # one shape, one trace
        return task.answered(to_numpy(net.model.predict_on_batch(net.sized(full))))[: len(images)]

    return predict


def at_once(record: dict[str, Any]) -> int:
    """How many images fitted into memory in training, or fewer."""
    return min(BATCH, record["choices"].get("batch_size", BATCH))


def answers(record: dict[str, Any], weights: Path, files: list[Listed]) -> Iterator[Any]:
    """Yields the answer of each file, which is read as the run read its data."""
    count = min(at_once(record), len(files))
    predict, shape = predictor(record, weights, count), tuple(record["data"]["shape"])
    with over("predicting", len(files)) as advance:
        for images in batches(files, shape, fit_of(record["choices"]["dataset"]), count):
            yield from predict(images)
            advance(len(images))


def fit_of(dataset: str) -> Any:
    """What the run's data set did to images that are not square."""
    return getattr(opened(dataset, None)[0], "fit", "squash")


def batches(files: list[Listed], shape: tuple[int, int, int], fit: Any, count: int = BATCH) -> Iterator[Any]:
    """Yields up to `count` images (B, H, W, C) at the size, with the bands and in the way of the run's data.

    Raises:
        BadInput: a file is no image, or damaged.
    """
    *size, bands = shape

    def read(number: int) -> Any:
        _, opened, name = files[number]
        image = opened.image(name, tuple(size), fit)
        is_grey = bands == 1 and image.shape[2] == 3
        return np.asarray(Image.fromarray(image).convert("L"))[..., None] if is_grey else image

    images = OnDemand(read, shape, np.arange(len(files)))
    return beside(images[slice(k, k + count)] for k in range(0, len(files), count))


def rows_of(record: dict[str, Any], places: list[str]) -> tuple[Any, Any]:
    """(the one table among `places`, a pandas.DataFrame of text; its rows (N, 1, 1, F) as the run read its own).

    Raises:
        BadInput: there is more than one file, or it has not the columns that the run knows.
    """
    if len(places) != 1:
        raise BadInput(f"{record['name']} predicts the rows of one table; received {len(places)} files")
    file = Path(places[0]).expanduser()
    frame = read(file)
    return frame, Table.of_record(record).encoded(frame, file.name)


def of_rows(record: dict[str, Any], weights: Path, rows: Any) -> Iterator[Any]:
    """Yields the answers of encoded rows (N, 1, 1, F)."""
    count = min(at_once(record), len(rows))
    predict = predictor(record, weights, count)
    with over("predicting", len(rows)) as advance:
        for start in range(0, len(rows), count):
            some = rows[start : start + count]
            yield from predict(some)
            advance(len(some))
