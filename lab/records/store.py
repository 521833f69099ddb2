"""Records: one JSON file a run, written whole or not at all. No Keras.

results/<experiment>/<name>.json        the record
results/<experiment>/<name>.test.npz    test labels, predictions and the probability of the truth
results/.cache/<experiment>/<name>.*    weights, probabilities of each split, log (ignored by git)
results/.cache/features, examples       (likewise)
results/.cache/verdicts                 verdicts on the runs (likewise; see `lab.comparison.kept_verdicts`)
"""

import json
import math
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import psutil

from lab.errors import BadInput
from lab.files import digest, write_atomically
from lab.records.schema import checked
from lab.task import goodness

SCHEMA = 1
BEGUN = re.compile(r"part(\d+)\..*|\..*\.part(\d+)")  # by which process; see `replacing` and `write_atomically`
LARGEST_RECORD = 64 << 20  # bytes


def results(root: Path) -> Path:
    return root / "results"


def cache(root: Path, name: str) -> Path:
    return results(root) / ".cache" / name


def prepare(root: Path, experiment: str) -> None:
    """Makes the folders and tries them, before any work is done; clears away what was left half-written.

    Raises:
        BadInput: they cannot be written.
    """
    for folder in (results(root) / experiment, cache(root, experiment)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"\0" * 4096)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BadInput(
                f"cannot write to {folder}: {error.strerror or error}; choose another folder with --out"
            ) from None
    sweep(root)


def seal(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the digest of its content, by which an edit is seen."""
    body = json.loads(json.dumps({k: v for k, v in record.items() if k != "integrity"}, default=str))
    return {**body, "integrity": digest(body)}


def is_sealed(record: dict[str, Any]) -> bool:
    return record.get("integrity") == digest({k: v for k, v in record.items() if k != "integrity"})


def write(root: Path, record: dict[str, Any]) -> Path:
    """Writes a record atomically: a reader, or a crash, sees the old file or the new one."""
    path = results(root) / record["experiment"] / f"{record['name']}.json"
    write_atomically(path, json.dumps(seal(finite(record)), indent=1, allow_nan=False) + "\n")
    return path


def sweep(root: Path) -> None:
    """Removes what processes that were killed had begun to write."""
    for folder in (root, root / "img", results(root)):
        for path in folder.glob("*part*" if folder == root else "**/*part*"):
            begun = BEGUN.fullmatch(path.name)
            if begun and not _lives(int(begun[1] or begun[2])):
                path.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    """Whether there is such a process; one that was killed is there until its parent asks, and lives no more."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's
        return True


def read(root: Path, experiment: str | None = None) -> list[dict[str, Any]]:
    """All records below `root/results`, in the order of their files' names.

    Raises:
        BadInput: names the file that is not a record.
    """
    found = sorted(results(root).glob(f"{experiment or '*'}/*.json"))
    return [read_one(path) for path in found if not path.parent.name.startswith(".")]


def count(root: Path, experiment: str) -> int:
    """How many records an experiment has, of whatever status."""
    return len(list((results(root) / experiment).glob("*.json")))


def read_one(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_RECORD:
        raise BadInput(
            f"{path} is too large to be a record: {path.stat().st_size:,} bytes; {LARGEST_RECORD:,} are allowed"
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not a record: {str(error)[:100]}; remove it, or restore it") from None
    return checked(record, path)


def find(root: Path, experiment: str, run_digest: str) -> dict[str, Any] | None:
    """The record of a run in an experiment, whatever its status."""
    found = list((results(root) / experiment).glob(f"*-{run_digest[:8]}.json"))
    return next((r for r in map(read_one, found) if r["digest"] == run_digest), None)


def finished(root: Path, name: str, enough: tuple[str, ...] = ("done",)) -> dict[str, Any]:
    """The record of a finished run by its NAME, by EXPERIMENT/NAME, or by best:DATA, the best on validation.

    Raises:
        BadInput: there is no such run, or it has not one of the statuses that are `enough`.
    """
    if name.startswith("best:"):
        return best(root, name.removeprefix("best:").rstrip("/"))
    experiment, _, name = name.rpartition("/")
    found = [r for r in read(root, experiment or None) if r["name"] == name]
    if not found:
        raise BadInput(f"no such run in {results(root)}: {name}; `python -m lab.report --runs` lists them")
    if found[0]["status"] not in enough:
        raise BadInput(f"run {name} is {found[0]['status']}, not done; only a finished run can be used")
    return found[0]


def best(root: Path, data: str) -> dict[str, Any]:
    """The finished run on a data set, as it was when it was last used, that is best on validation.

    Raises:
        BadInput: there is none.
    """
    done = [r for r in read(root) if r["status"] == "done" and "members" not in r["choices"]]
    found = [r for r in done if data_of(r["choices"]) == data]
    if not found:
        known = sorted({data_of(r["choices"]) for r in done})
        raise BadInput(
            f"no finished run on {data} in {results(root)}; there are runs on {', '.join(known) or 'nothing'}"
        )
    latest = max(found, key=lambda r: r["finished"])["choices"]["data_fingerprint"]
    same = [r for r in found if r["choices"]["data_fingerprint"] == latest]
    return max(same, key=lambda r: (goodness(r, "val"), -r["val"]["loss"]))


def data_of(choices: dict[str, Any]) -> str:
    """What a run's data are called; records from before own data had names have none."""
    return choices.get("data") or choices["dataset"]


def model_of(choices: dict[str, Any]) -> str:
    """What a run's network is called: its backbone, and its head where that is not the usual classifier."""
    head = choices["head"]
    return choices["backbone"] if head in ("linear", "source") else f"{choices['backbone']} {head}"


def kept(root: Path, record: dict[str, Any], suffix: str) -> Path:
    """What a run left in the cache: `weights.h5`, or `train.npz`, `val.npz`, `test.npz`, its probabilities.

    Raises:
        BadInput: it is not on this machine, as in a fresh clone.
    """
    path = cache(root, record["experiment"]) / f"{record['name']}.{suffix}"
    if not path.exists():
        raise BadInput(f"{path.name} is not on this machine; run `{record['command']}` again")
    return path


def finite(value: Any) -> Any:
    """JSON has no NaN: a figure that is none becomes null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value
