"""What a record holds, by which those that are read are checked: a file is whatever somebody wrote. No Keras."""

from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec

from lab import task
from lab.errors import BadInput

Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", max_length=2000)]  # that a terminal may show
Name = Annotated[str, msgspec.Meta(pattern=r"^[^/\\\x00-\x1f\x7f-\x9f]+$", max_length=200)]
Number = float | None
Figures = dict[str, Number | str | list | dict]


class Choices(TypedDict):
    """What the result depends on; see `lab.runs.spec.Run`. Others may be among them."""

    task: Text
    strategy: Text
    dataset: Text
    backbone: Text
    head: Text
    weights: Text
    seed: int
    size: int | Text | None
    data: NotRequired[Text]
    limit: NotRequired[int | None]
    budget: NotRequired[Text]
    batch_size: NotRequired[int]
    learning_rate: NotRequired[float | Literal["auto"]]
    augment: NotRequired[Text]
    loss: NotRequired[Text]
    channels: NotRequired[Text]
    bands: NotRequired[Text | None]
    shots: NotRequired[Text | None]
    members: NotRequired[list[Name]]


class Phase(TypedDict):
    """One step of the strategy."""

    step: Text
    seconds: NotRequired[Number]
    steps: NotRequired[int]
    history: NotRequired[list[dict[str, Number]]]


class Finding(TypedDict):
    """What a check found."""

    what: Text
    why: NotRequired[Text]
    do: NotRequired[Text]


class Examples(TypedDict):
    """Of a split."""

    examples: int
    digest: NotRequired[Text]


class Data(TypedDict, total=False):
    """What was learnt from."""

    classes: list[Text]
    splits: dict[str, Examples]
    source: Text
    shareable: bool


class Record(TypedDict):
    """A run, or a mean of runs, whatever became of it."""

    schema: Literal[1]
    name: Name
    experiment: Name
    status: Literal["done", "failed", "interrupted", "unavailable"]
    digest: Text
    group: Text
    choices: Choices
    label: NotRequired[Text | None]
    command: NotRequired[str]
    error: NotRequired[str]
    data: NotRequired[Data]
    net: NotRequired[dict[str, Any]]
    cost: NotRequired[dict[str, Number]]
    steps: NotRequired[list[Phase]]
    findings: NotRequired[list[Finding]]
    train: NotRequired[Figures]
    val: NotRequired[Figures]
    test: NotRequired[Figures]


def checked(record: Any, path: Path) -> dict[str, Any]:
    """The record that a file holds, if it is one, and this file's.

    Raises:
        BadInput: says what is wrong with it, and where.
    """
    try:
        msgspec.convert(record, Record)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadInput(f"{path} is not a record of this lab: {error}; remove it, or restore it") from None
    if (record["experiment"], record["name"]) != (path.parent.name, path.stem):
        raise BadInput(
            f"{path} says that it is {record['experiment']}/{record['name']}; give it that name, or remove it"
        )
    if record["status"] == "done":
        score = task.kind_of(record).score
        if missing := [k for k in ("test", "cost", "steps") if k not in record]:
            raise BadInput(f"{path} is of a finished run, and has no {missing[0]}; remove it, or restore it")
        for split in ("train", "val", "test"):
            figures = record.get(split, {score: 0.0})
            if not isinstance(figures.get(score), int | float):
                raise BadInput(f"{path}: the {score} of {split} is {figures.get(score)!r:.50}, no number; restore it")
    return record
