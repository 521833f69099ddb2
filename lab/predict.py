"""`python -m lab.predict RUN IMAGES`: a finished run's classes, or masks, for image files of any size, or for rows."""

import csv
import io
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from lab import command
from lab.errors import BadInput
from lab.files import write_atomically
from lab.inputs.bands import Band, of_record
from lab.inputs.columns import Table, read
from lab.progress import over
from lab.records import store

SHOWN = 50  # lines
BATCH = 128  # images at most
IDS = ("id", "Id", "ID")  # what a column that names the rows is called

Writer = Callable[[list[str], list[Any], list[str]], str]  # names, the probabilities of each, classes: a file's text


def main(argv: list[str]) -> int:
    made = command.parser("lab.predict", "Prints the classes that a finished run gives to images, or their pixels.")
    made.add_argument(
        "run", metavar="RUN", help="a finished run (python -m lab.report --runs lists them), or best:DATA"
    )
    made.add_argument("images", metavar="IMAGES", nargs="+", help="image files, folders, a zip of images, or a table")
    made.add_argument(
        "--top", type=int, metavar="K", help="how many classes a line shows (default: 3, where so many are)"
    )
    made.add_argument(
        "--csv", metavar="FILE", help="write file, class and the probability, or the share of pixels, of every class"
    )
    made.add_argument("--submission", metavar="FILE", help="write a Kaggle submission: Path,ClassId, or id,TARGET")
    made.add_argument(
        "--id", metavar="X", help="the column of a table that names its rows; left out: id, Id or ID, else 1, 2, 3, ..."
    )
    made.add_argument(
        "--to-dir", metavar="DIR", help="write masks, for a run that predicts them: PNG of the images' names and sizes"
    )
    made.add_argument("--overlay", action="store_true", help="beside each mask, the image with the mask over it")
    command.add_out(made)
    args = made.parse_args(argv)
    root = command.root_of(args.out)
    record = store.finished(root, args.run, ("done", "interrupted"))
    has_masks = record["choices"]["task"] == "segmentation"
    refuse(args, record, has_masks)
    if record["status"] == "interrupted":
        print(f"note: {record['name']} was interrupted; these are its best weights until then", file=sys.stderr)
    classes = record["data"]["classes"]
    top = min(3, len(classes)) if args.top is None else args.top
    if not 1 <= top <= len(classes):
        raise BadInput(f"--top must be from 1 to {len(classes)}; received {top}")
    weights = store.kept(root, record, "weights.h5")
    names, found, as_all, as_best = (of_table if "table" in record["data"] else of_files)(record, weights, args)
    table = list(found)
    for line in lines(names, table, classes, top):
        print(line)
    for place, text in ((args.csv, as_all), (args.submission, as_best)):
        if place:
            write_atomically(Path(place), text(names, table, classes))
            print(f"wrote {len(names):,} rows into {place}")
    if args.to_dir:
        write_atomically(Path(args.to_dir) / "classes.txt", as_list(classes))
        print(f"wrote {len(names):,} masks and classes.txt into {args.to_dir}")
    return 0


def refuse(args: Any, record: dict[str, Any], has_masks: bool) -> None:
    """Refuses what the other task writes.

    Raises:
        BadInput: says what this one does.
    """
    run = record["name"]
    if args.overlay and record["data"].get("bands"):
        raise BadInput(
            "--overlay is for images of red, green and blue; the masks of rasters are GeoTIFFs to lay over them"
        )
    if has_masks and args.submission:
        raise BadInput(f"--submission has a class for each image, and {run} predicts masks; write them with --to-dir")
    if not has_masks and args.to_dir:
        raise BadInput(f"--to-dir is for masks, and {run} predicts a class for each image; write them with --csv")
    if args.overlay and not args.to_dir:
        raise BadInput("--overlay writes beside the masks of --to-dir DIR; give it, too")
    if args.id and "table" not in record["data"]:
        raise BadInput(f"--id names a column of a table, and {run} predicts images; leave it out")


def of_files(record: dict[str, Any], weights: Path, args: Any) -> tuple[list[str], Iterator[Any], Writer, Writer]:
    """(names of the images, the probabilities of each, what writes --csv, what writes --submission)."""
    has_masks, bands = record["choices"]["task"] == "segmentation", of_record(record)
    files = [found for place in args.images for found in listed(Path(place), bands)]
    if has_masks and bands:
        found = of_scenes(record, weights, files, args.to_dir)
    else:
        found = probabilities(record, weights, files)
    if has_masks and not bands:
        found = shares(record, files, found, args.to_dir, args.overlay)
    return [name for name, _, _ in files], found, as_shares if has_masks else as_csv, as_submission


def of_table(record: dict[str, Any], weights: Path, args: Any) -> tuple[list[str], Iterator[Any], Writer, Writer]:
    """The same for the rows of a table, each named by its id.

    Raises:
        BadInput: the file has no such id; see `rows_of`.
    """
    frame, rows = rows_of(record, args.images)
    if args.id not in (None, *frame.columns):
        raise BadInput(
            f"--id {args.id!r}: {Path(args.images[0]).name} has no such column; it has {', '.join(frame.columns)}"
        )
    name = args.id or next((n for n in IDS if n in frame), None)
    ids = frame[name].tolist() if name else [str(i + 1) for i in range(len(frame))]
    head, target = name or IDS[0], record["data"]["table"]["target"]
    return ids, of_rows(record, weights, rows), partial(as_csv, head=head), partial(as_named, heads=[head, target])


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
    """Yields the probabilities (K,) of encoded rows (N, 1, 1, F)."""
    count = min(at_once(record), len(rows))
    predict = predictor(record, weights, count)
    with over("predicting", len(rows)) as advance:
        for start in range(0, len(rows), count):
            some = rows[start : start + count]
            yield from predict(some)
            advance(len(some))


def listed(place: Path, bands: tuple[Band, ...] = ()) -> list[tuple[str, Any, str]]:
    """(name to show, the `Files` that hold it, its name in them) of an image, or of all in a folder or a zip.

    A folder's files are shown with its own name before them, as in `Test/00000.png`. Where each of the `bands` is a
    file of its own, an image is a folder.

    Raises:
        BadInput: there is nothing there, or no image.
    """
    from lab.inputs.decoding import ENDINGS, SUFFIXES
    from lab.inputs.folders import Files

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
    """What gives the probabilities (B, K), or (B, H, W, K), of up to `count` images (B, H, W, bands) as read."""
    from importlib import import_module

    from lab.environment import wake_keras

    wake_keras()
    import keras
    import numpy as np

    from lab.networks.load import reopen
    from lab.networks.net import to_numpy

    keras.config.set_dtype_policy(record["choices"]["precision"])
    task, net = import_module(f"lab.tasks.{record['choices']['task']}"), reopen(record, weights)

    def predict(images: Any) -> Any:
        full = np.concatenate([images, np.repeat(images[:1], count - len(images), axis=0)])  # one shape, one trace
        return task.probabilities(to_numpy(net.model.predict_on_batch(net.sized(full))))[: len(images)]

    return predict


def at_once(record: dict[str, Any]) -> int:
    """How many images fitted into memory in training, or fewer."""
    return min(BATCH, record["choices"].get("batch_size", BATCH))


def probabilities(record: dict[str, Any], weights: Path, files: list[tuple[str, Any, str]]) -> Iterator[Any]:
    """Yields the probabilities (K,), or (H, W, K), of each file, which is read as the run read its data."""
    count = min(at_once(record), len(files))
    predict, shape = predictor(record, weights, count), tuple(record["data"]["shape"])
    with over("predicting", len(files)) as advance:
        for images in batches(files, shape, fit_of(record["choices"]["dataset"]), count):
            yield from predict(images)
            advance(len(images))


def of_scenes(
    record: dict[str, Any], weights: Path, files: list[tuple[str, Any, str]], to_dir: str | None
) -> Iterator[Any]:
    """Yields the share of pixels (K,) that each class has in each raster of any size, and writes its mask as GeoTIFF.

    Raises:
        BadInput: a file is no image, or has other bands; a mask would replace an image.
    """
    from contextlib import nullcontext

    import numpy as np

    from lab.inference import masks, windows

    count, colours = at_once(record), masks.colours(record)
    predict, size = predictor(record, weights, count), tuple(record["data"]["shape"][:2])
    folder = masks.Folder(Path(to_dir), colours, ending=".tif") if to_dir else None
    if folder:
        folder.check(files)
    for _, of, name in files:
        scene, held = windows.Scene(of, name, of.bands), np.zeros(256, "int64")
        written = windows.geotiff(folder.target(name), scene, colours) if folder else nullcontext(lambda *_: None)
        with scene, written as write:
            for top, labels in windows.rows(scene, size, count, predict):
                write(top, labels)
                held += np.bincount(labels.ravel(), minlength=256)
        counts = held[: len(colours)]
        yield counts / max(counts.sum(), 1)


def shares(
    record: dict[str, Any], files: list[tuple[str, Any, str]], found: Iterator[Any], to_dir: str | None, overlay: bool
) -> Iterator[Any]:
    """Yields the share of pixels (K,) that each class has in each file, and writes the masks where there is a folder.

    Raises:
        BadInput: a mask would replace an image or another mask.
    """
    from lab.inference import masks

    folder = masks.Folder(Path(to_dir), masks.colours(record), overlay) if to_dir else None
    if folder:
        folder.check(files)
    sizes, fit = [of.size(name) for _, of, name in files], fit_of(record["choices"]["dataset"])
    for (_, of, name), size, p in zip(files, sizes, found, strict=True):
        mask = masks.restored(p, size, fit)
        if folder:
            folder.write(of, name, mask)
        yield masks.shares(mask, len(record["data"]["classes"]))


def fit_of(dataset: str) -> Any:
    """What the run's data set did to images that are not square."""
    from lab.datasets import opened

    return getattr(opened(dataset, None)[0], "fit", "squash")


def batches(
    files: list[tuple[str, Any, str]], shape: tuple[int, int, int], fit: Any, count: int = BATCH
) -> Iterator[Any]:
    """Yields up to `count` images (B, H, W, C) at the size, with the bands and in the way of the run's data.

    Raises:
        BadInput: a file is no image, or damaged.
    """
    import numpy as np
    from PIL import Image

    from lab.inputs.reading import OnDemand, beside

    *size, bands = shape

    def read(number: int) -> Any:
        _, opened, name = files[number]
        image = opened.image(name, tuple(size), fit)
        is_grey = bands == 1 and image.shape[2] == 3
        return np.asarray(Image.fromarray(image).convert("L"))[..., None] if is_grey else image

    images = OnDemand(read, shape, np.arange(len(files)))
    return beside(images[slice(k, k + count)] for k in range(0, len(files), count))


def lines(names: list[str], table: list[Any], classes: list[str], top: int) -> Iterator[str]:
    """A line for each of the first files: name, and the likeliest or largest classes with their figures."""
    for name, p in list(zip(names, table, strict=True))[:SHOWN]:
        best = p.argsort()[::-1][:top]
        yield f"{name}: " + ", ".join(f"{classes[i]} {p[i]:.3f}" for i in best if p[i] > 0)
    if len(names) > SHOWN:
        yield f"... and {len(names) - SHOWN:,} more; --csv FILE keeps them all"


def as_csv(names: list[str], table: list[Any], classes: list[str], head: str = "file") -> str:
    rows = [
        [name, int(i := p.argmax()), classes[i], f"{p[i]:.6f}", *(f"{v:.6f}" for v in p)]
        for name, p in zip(names, table, strict=True)
    ]
    return _table([head, "class_id", "class", "probability", *(f"p {c}" for c in classes)], rows)


def as_shares(names: list[str], table: list[Any], classes: list[str]) -> str:
    rows = [[name, *(f"{v:.6f}" for v in p)] for name, p in zip(names, table, strict=True)]
    return _table(["file", *(f"share {c}" for c in classes)], rows)


def as_submission(names: list[str], table: list[Any], classes: list[str]) -> str:
    return _table(["Path", "ClassId"], [[n, int(p.argmax())] for n, p in zip(names, table, strict=True)])


def as_named(names: list[str], table: list[Any], classes: list[str], heads: list[str]) -> str:
    return _table(heads, [[n, classes[p.argmax()]] for n, p in zip(names, table, strict=True)])


def as_list(classes: list[str]) -> str:
    """A class on each line; the first is number 0."""
    return "".join(" ".join(c.split()) + "\n" for c in classes)


def _table(head: list[str], rows: list[list]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(command.call(main))
