"""What a command line says of runs: its options, the runs that they ask for, and the command as anyone can give it."""

import argparse
import dataclasses
import runpy
import shlex
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args, get_origin

from lab import command
from lab.datasets import opened
from lab.errors import BadInput
from lab.runs.spec import Ensemble, Group, Run, matrix

PLACES = ("--dataset", "--group", "--weights")  # flags that may take a path
TABLE = "csv:"  # may stand before a path of --dataset
MOST_USED = "most used"  # the first group of the help: these, and --seeds
OFTEN = ("strategy", "task", "dataset", "data_dir", "backbone", "weights", "head", "size", "epochs")
EXPERIMENT = "quickstart"  # where runs given by flags are recorded; ignored by git


def parser(module: str, what: str) -> command.Parser:
    """A parser with an option for each choice of a run: the ten most used first, the others in their groups."""
    made = command.parser(module, what, [MOST_USED, *get_args(Group)])
    made.usage = "%(prog)s [EXPERIMENT] [--OPTION X ...]"
    made.add_argument(
        "experiment", nargs="?", metavar="EXPERIMENT",
        help="a written experiment: a Python file with a list RUNS, whose name its results get; options replace what "
        "it says. Left out: the runs of the options",
    )  # fmt: skip
    add_choices(made, [f.name for f in dataclasses.fields(Run) if f.name != "seed"])
    made.place(MOST_USED).add_argument(
        "--seeds", metavar="N", help="how many seeds, 0 to N-1, or a list of them: 3,4,5 (default: 1)"
    )
    command.add_out(made.place("bookkeeping"))
    return made


def add_choices(made: command.Parser, names: Iterable[str]) -> None:
    """Adds an option for each of these choices of a run."""
    for field in [f for f in dataclasses.fields(Run) if f.name in names]:
        place = made.place(MOST_USED if field.name in OFTEN else field.metadata["group"])
        default = "" if field.default is None or field.default is False else f" (default: {field.default})"
        flag, text = "--" + field.name.replace("_", "-"), (field.metadata["help"] + default).replace("%", "%%")
        if field.default is False:
            place.add_argument(flag, action="store_const", const="yes", help=text)
        else:
            place.add_argument(flag, metavar="X", help=text)


def asked(args: argparse.Namespace) -> tuple[str, list[Run], list[Ensemble]]:
    """The name of the experiment, and the runs and ensembles of them that the arguments ask for.

    Raises:
        BadInput: a value is none that its choice takes.
    """
    given = {f.name: getattr(args, f.name) for f in dataclasses.fields(Run) if getattr(args, f.name, None) is not None}
    axes = {name: values(name, text) for name, text in given.items()}
    if args.experiment:
        return written(args.experiment, axes, args.seeds)
    return EXPERIMENT, matrix(**axes, seeds=seeds_of(args.seeds)), []


def written(path: str, axes: dict[str, list], seeds: str | None) -> tuple[str, list[Run], list[Ensemble]]:
    """The name, runs and ensembles of an experiment's file; flags given beside it replace what it says.

    Of the ensembles, those whose members are all among the runs.

    Raises:
        BadInput: there is no such file, or it defines no list RUNS.
    """
    file = Path(path)
    if file.suffix != ".py" or not file.is_file():
        known = ", ".join(sorted(str(p) for p in Path("experiments").glob("*.py"))) or "none here"
        raise BadInput(f"no such experiment: {path}; written experiments: {known}")
    try:
        said = runpy.run_path(str(file))
    except BadInput:
        raise
    except ModuleNotFoundError as error:
        is_ours = str(error.name).startswith("lab.")
        hint = "; `from lab import Ensemble, Run, matrix` gives what an experiment needs" if is_ours else ""
        raise BadInput(f"{path} imports {error.name}, which is not there{hint}") from None
    except Exception as error:
        raise BadInput(f"{path} does not run: {type(error).__name__}: {error}; --debug shows where") from error
    runs = said.get("RUNS")
    if not runs or not all(isinstance(r, Run) for r in runs):
        raise BadInput(f"{path} defines no RUNS; write `from lab import matrix` and RUNS = matrix(strategy=[...], ...)")
    for name, choice in axes.items():
        if len(choice) != 1:
            raise BadInput(f"--{name} takes one value beside a written experiment; received {len(choice)}")
    given = {name: choice[0] for name, choice in axes.items()}
    runs = [_changed(r, given) for r in runs]
    ensembles = [
        dataclasses.replace(e, members=tuple(_changed(r, given) for r in e.members)) for e in said.get("ENSEMBLES", [])
    ]
    if seeds is not None:
        bare = list(dict.fromkeys(dataclasses.replace(r, seed=0) for r in runs))
        runs = [dataclasses.replace(r, seed=s) for r in bare for s in _seed_list(seeds_of(seeds))]
    return file.stem, list(dict.fromkeys(runs)), [e for e in ensembles if set(e.members) <= set(runs)]


def _changed(run: Run, given: dict[str, Any]) -> Run:
    """A run with the flags that were given beside its experiment; a folder of data is for those that need one."""
    if "data_dir" in given and is_embedded(run):
        given = {name: choice for name, choice in given.items() if name != "data_dir"}
    return dataclasses.replace(run, **given)


def is_embedded(run: Run) -> bool:
    """Whether a run's data come with the lab, so that a folder of data is for the others."""
    return run.dataset is None or opened(run.dataset, run.data_dir)[0].embedded


def values(name: str, text: str) -> list[Any]:
    """The comma list of a flag as values of its field's type; commas inside brackets do not separate.

    Raises:
        BadInput: a number is none.
    """
    if name == "size":  # 64, or 240x180
        return [int(word) if word.isdecimal() else word for word in split_commas(text)] or [text]
    hint = typing.get_type_hints(Run)[name]
    words: tuple = ()
    if get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [a for a in get_args(hint) if a is not type(None)]
        hint, words = kinds[0], tuple(w for a in kinds[1:] for w in get_args(a))
    if hint is bool:
        return [True]
    if name in ("data_dir", "group", "drop_classes", "bands", "name", "target"):
        return [text]
    found = []
    for word in split_commas(text):
        try:
            found.append(hint(word) if hint in (int, float) and word not in words else word)
        except ValueError:
            kind = "a whole number" if hint is int else "a number"
            raise BadInput(f"--{name.replace('_', '-')} takes {kind}; received {word!r}") from None
    if not found:
        raise BadInput(f"--{name.replace('_', '-')} is empty")
    return found


def split_commas(text: str) -> list[str]:
    words, depth, word = [], 0, ""
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth <= 0:
            words.append(word.strip())
            word = ""
        else:
            word += character
    return [w for w in [*words, word.strip()] if w]


def seeds_of(text: str | None) -> int | list[int]:
    """`3` is seeds 0, 1, 2; `3,4` or `3,` are those.

    Raises:
        BadInput: not numbers, or absurd ones.
    """
    if text is None:
        return 1
    try:
        numbers = [int(w) for w in text.split(",") if w.strip()]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or ("," not in text and not 1 <= numbers[0] <= 1000):
        raise BadInput(f"--seeds takes how many (1 to 1000), or a list of seeds; received {text[:80]!r}")
    return numbers if "," in text else numbers[0]


def _seed_list(seeds: int | list[int]) -> list[int]:
    return list(range(seeds)) if isinstance(seeds, int) else seeds


def portable(argv: list[str]) -> str:
    """The command as anyone can give it: a path is cut to its last part, and where we wrote is left out."""
    words, flag = ["python -m lab.run"], ""
    for word in argv:
        if "--out" not in (flag, word):
            parts = split_commas(word) if flag == "--weights" else [word]  # of a list each may be a file
            words.append(shlex.quote(",".join(_last_part(flag, part) for part in parts)))
        flag = word
    return " ".join(words)


def _last_part(flag: str, word: str) -> str:
    kind = TABLE if flag == "--dataset" and word.startswith(TABLE) else ""
    path = Path(word.removeprefix(kind)).expanduser()
    is_place = flag == "--data-dir" or (flag in PLACES and path.exists()) or (path.is_absolute() and path.is_file())
    return kind + path.name if is_place else word
