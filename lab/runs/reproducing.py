"""The one command that makes a recorded run again. No Keras."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

from lab.runs import arguments
from lab.runs.spec import Resolved, Run, resolve
from lab.task import kind_of

Record = dict[str, Any]
APART = ("seed", "epochs", "budget", "data_dir", "name", "skip_corrupt", "task", "target", "group")


OF_IMAGES = ("size", "channels")  # which a table has no choice of


def flags(record: Record) -> list[str]:
    """The flags of `lab.run` that say every choice of a run that is not the default."""
    c, words = record["choices"], []
    apart = (*APART, *OF_IMAGES) if "table" in record["data"] else APART
    for field in dataclasses.fields(Run):
        value = c.get(field.name)
        usual = kind_of(record).minimised if field.name == "loss" else field.default
        if field.name not in apart and value not in (None, usual):
            words += [_flag(field.name), str(value)]
    words += _budget(c.get("budget"))
    words += ["--seeds", f"{c['seed']},"] if c["seed"] else []
    words += ["--name", record["label"]] if record["label"] else []
    words += ["--skip-corrupt"] if record["data"].get("left_out") else []
    said = [] if arguments.is_embedded(Run(dataset=c["dataset"])) else shlex.split(record["command"])
    for name in ("data_dir", "group", "target"):  # where a file or a folder was, or what is in the command alone
        if (flag := _flag(name)) in said:
            words += [flag, said[said.index(flag) + 1]]
    if "--dataset" in said and "--data-dir" not in said:  # a folder or a file was named in place of a data set
        places = [w.removeprefix(arguments.TABLE) for w in arguments.split_commas(said[said.index("--dataset") + 1])]
        words += ["--data-dir", c["data"]] if c["data"] in places and c["data"] != c["dataset"] else []
    return words


def command_of(record: Record) -> str:
    """The command for this run alone; of a mean of runs, the one that it was made by."""
    return record["command"] if "members" in record else shlex.join(["python", "-m", "lab.run", *flags(record)])


def resolved(record: Record, root: Path, data_dir: str | None = None) -> Resolved:
    """The run that the command would make: of the record's digest, where data and weights are what they were.

    Raises:
        BadInput: they are not here.
    """
    words = flags(record)
    if data_dir is not None and "--data-dir" in words:
        words[words.index("--data-dir") + 1] = data_dir
    (asked,) = arguments.asked(arguments.parser("lab.run", "").parse_args(words))[1]
    return resolve(asked, root)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _budget(budget: str | None) -> list[str]:
    if budget is None:
        return []
    epochs = budget.removesuffix("epochs")
    return ["--epochs", epochs] if epochs != budget else ["--budget", budget]
