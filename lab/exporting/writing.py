"""A finished run as files of several formats, each read back and compared, with what they are and the model card."""

import json
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import __version__
from lab.environment import full_precision, hushed, versions, wake_keras
from lab.errors import BadInput
from lab.exporting import formats, model_card
from lab.files import write_atomically
from lab.inference import predicting
from lab.inputs.bands import of_record as bands_of
from lab.inputs.class_list import as_list
from lab.inputs.data import evenly
from lab.records import store
from lab.task import kind_of, of_record

# Of a probability. Each runtime rounds float32 in its own way, which a deep network amplifies: mostly to 1e-6, and to
# 2e-4 in an EfficientNetB0 that is itself 1e-4 off what float64 gives. A step that is lost or doubled shows at 1e-2.
TOLERANCE = 1e-3
BATCH = 32


def network(root: Path, name: str) -> dict[str, Any]:
    """The record of a finished run that is a network.

    Raises:
        BadInput: there is none, or it is a mean of several.
    """
    record = store.finished(root, name)
    if members := record.get("members"):
        raise BadInput(f"{record['name']} is a mean of {len(members)} runs, not a network; export one: {members[0]}")
    return record


def fill(
    folder: Path, root: Path, record: dict[str, Any], wanted: list[str], places: list[str] | None, data_dir: str | None
) -> None:
    """Writes a run in these formats, what they are and were checked on, and the model card.

    Raises:
        BadInput: the run's weights or data are not here, a format cannot be written, or gives other probabilities.
    """
    weights = store.kept(root, record, "weights.h5")
    formats.require(wanted)
    wake_keras()
    formats.require_backend(wanted)
    full_precision()
    images, origin = real_images(record, places, data_dir)
    about = describe(record, wanted, images, origin) | export(record, weights, wanted, images, folder)
    if classes := record["data"]["classes"]:
        write_atomically(folder / "classes.txt", as_list(classes))
    write_atomically(folder / "export.json", json.dumps(about, indent=1, allow_nan=False) + "\n")
    write_atomically(folder / "README.md", model_card.card(root, record, about))


def real_images(record: dict[str, Any], places: list[str] | None, data_dir: str | None) -> tuple[Any, str]:
    """(images (n, h, w, C) uint8 as the run read its own, what they are); at most `CHECKED`, evenly over all.

    Raises:
        BadInput: the run's data are not here, or are not those that it was tested on.
    """
    import numpy as np

    most = kind_of(record).checked
    if places:
        if "table" in record["data"]:
            rows = predicting.rows_of(record, places)[1]
            return rows[evenly(len(rows), most)], f"{min(most, len(rows)):,} of the {len(rows):,} rows that were given"
        files = [found for place in places for found in predicting.listed(Path(place), bands_of(record))]
        chosen = [files[i] for i in evenly(len(files), most)]
        fit = predicting.fit_of(record["choices"]["dataset"])
        read = list(predicting.batches(chosen, tuple(record["data"]["shape"]), fit))
        return np.concatenate(read), f"{len(chosen):,} of the {len(files):,} images that were given"
    from lab.records.original_data import tested

    try:
        test = tested(record, data_dir).test
    except BadInput as error:
        raise BadInput(f"{error}; or check on other images: --images FILES") from None
    what = f"{min(most, len(test)):,} of the run's {len(test):,} test {model_card.examples_are(record)}"
    return test.images[evenly(len(test), most)], what


def export(
    record: dict[str, Any], weights: Path, wanted: list[str], images: Any, folder: Path
) -> dict[str, dict[str, Any]]:
    """Writes each format into the folder, reads it back and compares it with the run; what was found, for the record.

    Raises:
        BadInput: Keras cannot write a format, or what was written gives other probabilities.
    """
    precision = record["choices"]["precision"]
    net, expected = original(record, weights, images, "float32")
    stored = stored_shape(record)
    model, done = formats.standalone(net, of_record(record), stored), {}
    given = [taken(net, batch, stored) for batch in _batches(images)]
    for name in wanted:
        file = folder / formats.FORMATS[name].file
        check = compared(record, expected, read_back(name, model, file, net, given))
        if not check["max_difference"] <= TOLERANCE:  # nor where it is no number
            raise BadInput(
                f"--to {name}: its answers are up to {check['max_difference']:.2g} away from the run's on "
                f"{len(images)} images; {TOLERANCE:g} is allowed; nothing was written; leave this format out"
            )
        size = megabytes(folder, file)
        done[name] = {"file": formats.FORMATS[name].file, "mb": size, **check, "tolerance": TOLERANCE}
        print(f"{name:<11} {size:8.2f} MB   {told(check)}")
    about: dict[str, Any] = {"formats": done, "imports": formats.foreign(model)}
    if precision != "float32":
        _, own = original(record, weights, images, precision)
        about["own_precision"] = compared(record, own, expected)  # told, not judged: what those 16 bits are good to
        print(f"in float32, beside the run in {precision}: {told(about['own_precision'])}")
    return about


def stored_shape(record: dict[str, Any]) -> tuple[int, ...]:
    """The shape (h, w, all bands), or (F,) of a table, of an image of stored values; empty where it is 0 to 255."""
    shape = tuple(record["data"]["shape"])
    return () if not record["data"].get("bands") else shape[2:] if "table" in record["data"] else shape


def taken(net: Any, images: Any, stored: tuple[int, ...]) -> Any:
    """Images (B, h, w, C) as the run read them as the file takes them, float32."""
    from lab.networks.net import to_numpy

    return images.astype("float32").reshape(-1, *stored) if stored else to_numpy(net.sized(images))


def original(record: dict[str, Any], weights: Path, images: Any, precision: str) -> tuple[Any, Any]:
    """The run's network in a precision, and its answers (n, ...) as `lab.predict` computes them."""
    import keras
    import numpy as np

    from lab.networks.load import reopen
    from lab.networks.net import to_numpy

    task, before = of_record(record), keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        net = reopen(record, weights)
    finally:
        keras.config.set_dtype_policy(before)
    with hushed():
        logits = [to_numpy(net.model.predict_on_batch(net.sized(batch))) for batch in _batches(images)]
    return net, task.answered(np.concatenate(logits))


def read_back(name: str, model: Any, file: Path, net: Any, given: list[Any]) -> Any:
    """Writes a format and gives the probabilities (n, ..., K) that its own runtime then reads from it, of batches.

    Raises:
        BadInput: the converter or the runtime fails.
    """
    import numpy as np

    chosen = formats.FORMATS[name]
    try:
        with hushed():
            chosen.write(model, file)
            predicted = chosen.open(file)
            return np.concatenate([predicted(batch) for batch in given])
    except Exception as error:  # of Keras, of a converter, of a runtime: each has its own
        said = " ".join(str(error).replace(str(file), file.name).split())[:200]
        raise BadInput(
            f"--to {name} does not work for {net.backbone} with {net.head}: {type(error).__name__}: {said}; nothing "
            "was written; leave this format out"
        ) from error


def compared(record: dict[str, Any], expected: Any, found: Any) -> dict[str, float]:
    """Largest difference between answers (n, ...), and the share of them that stay what they were."""
    if expected.shape != found.shape:
        return {"max_difference": float("inf"), "agreement": 0.0}
    return of_record(record).compared(expected, found)


def told(check: dict[str, float]) -> str:
    return f"largest difference {check['max_difference']:.1e}, the same answer for {check['agreement']:.1%}"


def describe(record: dict[str, Any], wanted: list[str], images: Any, origin: str) -> dict[str, Any]:
    """What export.json says beside the checks."""
    from lab.environment import now

    shape, bands = stored_shape(record) or tuple(record["net"]["shape"]), [b.name for b in bands_of(record)]
    task = of_record(record)
    place = list(shape[:2]) if task.reads == "pyramid" else []
    kind = {"bands": bands} if bands else {"range": [0, 255]}
    packages = ["keras", "tensorflow", "numpy", *(p for n in wanted for p in formats.FORMATS[n].needs.values())]
    return {
        "run": record["name"],
        "record": record.get("integrity", "unknown"),
        "command": f"python -m lab.export {record['name']} --to {','.join(wanted)}",
        "input": {"name": "images", "shape": [None, *shape], "dtype": "float32", **kind},
        "output": {
            "name": task.answers,
            "shape": [None, *place, task.outputs],
            "dtype": "float32",
        },
        "checked_on": {"images": len(images), "what": origin},
        "versions": {"lab": __version__, "python": platform.python_version(), **versions(dict.fromkeys(packages))},
        "made": now(),
    }


def megabytes(folder: Path, file: Path) -> float:
    """Of a file, or of all that is in the folder of the export which holds it."""
    top = folder / file.relative_to(folder).parts[0]
    return sum(f.stat().st_size for f in [top, *top.rglob("*")] if f.is_file()) / 1e6


@contextmanager
def in_place_of(target: Path) -> Iterator[Path]:
    """A folder to write to, which takes the place of `target` when all went well and is removed when not.

    Raises:
        BadInput: the target holds something else than an export, or cannot be written.
    """
    if target.exists() and not (target.is_dir() and (not any(target.iterdir()) or (target / "export.json").exists())):
        raise BadInput(f"{target} holds something else than an export; choose another folder with --to-dir")
    try:
        nearest = next(p for p in target.parents if p.exists())
        partial = Path(tempfile.mkdtemp(dir=nearest, prefix=".export."))
    except OSError as error:
        raise BadInput(
            f"cannot write {target}: {error.strerror or error}; choose another folder with --to-dir"
        ) from None
    try:
        folder = partial / "new"
        folder.mkdir()
        yield folder
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.replace(partial / "old")
        folder.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _batches(images: Any) -> Iterator[Any]:
    """One image alone, then the others many at a time: two sizes, since a file must take any."""
    yield images[:1]
    for start in range(1, len(images), BATCH):
        yield images[start : start + BATCH]
