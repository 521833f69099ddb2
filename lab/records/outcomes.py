"""What finished runs did on each test example, as they left it beside their records. No Keras."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lab.errors import BadInput
from lab.metrics.outcome import Outcome
from lab.records import store
from lab.task import kind_of

Array = np.ndarray
Record = dict[str, Any]
CLOSE = 1e-5  # between the score in the record and that of the examples beside it


def read(root: Path, records: Sequence[Record]) -> tuple[str, list[Outcome]]:
    """(what their score is called, the outcome of each run) of finished runs on the same test examples.

    Raises:
        BadInput: the file of a run is missing or not its own, or the test examples are others.
    """
    if len({r["data"]["splits"]["test"]["digest"] for r in records}) > 1:
        raise BadInput(
            f"{records[0]['name']} and {_other(records)['name']} were tested on other examples, and cannot be paired"
        )
    figure, called, found = kind_of(records[0]).outcomes([_file(root, r) for r in records])
    return called, [_checked(o, r, figure) for o, r in zip(found, records, strict=True)]


def _other(records: Sequence[Record]) -> Record:
    first = records[0]["data"]["splits"]["test"]["digest"]
    return next(r for r in records if r["data"]["splits"]["test"]["digest"] != first)


def path_of(root: Path, record: Record) -> Path:
    """Where a run leaves what it did on each test example."""
    return store.results(root) / record["experiment"] / f"{record['name']}.test.npz"


def _file(root: Path, record: Record) -> dict[str, Array]:
    path = path_of(root, record)
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path} cannot be read: {str(error)[:100]}; run `{record['command']}` again") from None


def _checked(outcome: Outcome, record: Record, name: str) -> Outcome:
    figures = record["test"]
    if len(outcome) != figures["examples"] or abs(outcome.score - figures[name]) > CLOSE:
        raise BadInput(
            f"the examples beside {record['experiment']}/{record['name']} are not its own: their {name} is "
            f"{outcome.score:.4f}, the record's {figures[name]:.4f}; run `{record['command']}` again"
        )
    return outcome
