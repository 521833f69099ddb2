"""`python -m lab.reference`: writes the pages of docs/reference from the code. No Keras."""

import contextlib
import dataclasses
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from lab import command, names
from lab.errors import BadInput
from lab.files import write_atomically
from lab.names import Between
from lab.runs.spec import Run

FOLDERS = {  # in the order of the menu: the option that takes a name of the folder
    "strategies": "--strategy",
    "backbones": "--backbone",
    "heads": "--head",
    "losses": "--loss",
    "datasets": "--dataset",
    "channels": "--channels",
    "tasks": "--task",
}
TITLES = {"datasets": "Data sets"}
MADE = "Made from the code by `python -m lab.reference`; change it there."
GROUPS = ("what to learn", "how to transfer", "how to train", "bookkeeping")


def main(argv: list[str]) -> int:
    made = command.parser("lab.reference", "Writes the pages of docs/reference from the code.")
    made.add_argument("--check", action="store_true", help="change nothing; exit code 1 if a page is not what it says")
    made.add_argument("--out", default=".", metavar="DIR", help="the checkout, in which docs/ lies (default: .)")
    args = made.parse_args(argv)
    folder = Path(args.out) / "docs" / "reference"
    if not folder.parent.is_dir():
        raise BadInput(f"{folder.parent} is no folder; run it in a checkout, or give one: --out DIR")
    if args.check:
        for line in (lines := stale(folder)):
            print(line)
        return min(len(lines), 1)
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        write_atomically(folder / name, text)
        print(f"wrote {folder / name}")
    return 0


def pages() -> dict[str, str]:
    """{name of the file: its Markdown} of all pages."""
    return {f"{folder}.md": page(folder) for folder in FOLDERS} | {"options.md": options()}


def stale(folder: Path) -> list[str]:
    """What in docs/reference the code does not say, a line for each page."""
    wanted = pages()
    found = {p.name: p.read_text(encoding="utf-8") for p in folder.glob("*.md")}
    away = [f"docs/reference/{name} is of no folder of lab/; remove it" for name in sorted(found.keys() - wanted)]
    return away + [
        f"docs/reference/{name} is not what the code says; `python -m lab.reference` writes it"
        for name, text in wanted.items()
        if found.get(name) != text
    ]


def page(folder: str) -> str:
    """What a folder of the lab offers: a table of all names, then each with its arguments and docstring."""
    modules = list(_modules(folder))
    rows = [(f"[`{name}`](#{name.lower()})", _cell(what)) for m in modules for name, what in _listed(m)]
    parts = [
        f"# {TITLES.get(folder, folder.capitalize())}",
        f"{_doc(importlib.import_module(f'lab.{folder}'))[0]} The option is `{FOLDERS[folder]}`. {MADE}",
        _table(["name", "what it is"], rows),
        *(part for module in modules for part in _section(folder, module)),
    ]
    return "\n\n".join(parts) + "\n"


def options() -> str:
    """The choices of a run, in groups, as `lab.run` takes them."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for field in dataclasses.fields(Run):
        flag = "seeds" if field.name == "seed" else field.name.replace("_", "-")
        default = "" if field.default in (None, False) else f" (default: `{field.default}`)"
        row = (f"`--{flag}`", _cell(field.metadata["help"]) + default)
        grouped.setdefault(field.metadata.get("group", "other"), []).append(row)
    parts = [
        "# Options of `lab.run`",
        "Each choice of a run, in groups. An option takes one value, or several with commas between them, which make a "
        f"matrix of runs; `--seeds 3` is the seeds 0, 1 and 2. `python -m lab.run --help` says the same. {MADE}",
    ]
    for group in sorted(grouped, key=lambda g: GROUPS.index(g) if g in GROUPS else len(GROUPS)):
        parts += [f"## {group.capitalize()}", _table(["option", "what it is"], grouped[group])]
    return "\n\n".join(parts) + "\n"


def _modules(folder: str) -> Iterator[types.ModuleType]:
    here = Path(importlib.import_module(f"lab.{folder}").__path__[0])
    for path in sorted(here.glob("[!_]*.py")):
        yield importlib.import_module(f"lab.{folder}.{path.stem}")


def _classes(module: types.ModuleType) -> dict[str, type]:
    """{name: class} of what a file offers; nothing where the file itself is what is offered."""
    name = module.__name__.split(".")[-1]
    if family := getattr(module, "FAMILY", None):
        return dict(family)
    made = getattr(module, "".join(word.capitalize() for word in name.split("_")), None)
    return {name: made} if isinstance(made, type) else {}


def _listed(module: types.ModuleType) -> list[tuple[str, str]]:
    """(what a section is headed by, its first line) of a file."""
    name = module.__name__.split(".")[-1]
    classes = _classes(module)
    return [(name, names.summary(classes[name]) if list(classes) == [name] else _doc(module)[0])]


def _section(folder: str, module: types.ModuleType) -> list[str]:
    """The parts of the page that tell of one file."""
    name, classes = module.__name__.split(".")[-1], _classes(module)
    file = f"lab/{folder}/{name}.py"
    source = f"Source: [{file}](../../{file})"
    cls = classes.get(name)
    if cls is None:
        rows = [(f"`{written}`", _cell(what)) for written, what in _family(classes)]
        parts = [f"## `{name}`", *_doc(module), *([_table(["name", "what it is"], rows)] if rows else [])]
        for variant in dict.fromkeys(c.__mro__[1] for c in classes.values()):
            parts += [f"Arguments of {_sharing(classes, variant)}:", _arguments(variant)] if _fields(variant) else []
        return [*parts, source]
    first, *rest = _doc(cls)
    if folder in names.MADE_FOR_DATA:
        return [f"## `{name}`", first, *rest, source]
    written = getattr(cls, "written", _written(name, cls))
    return [f"## `{name}`", f"`{written}`: {first}", *([_arguments(cls)] if _fields(cls) else []), *rest, source]


def _family(classes: dict[str, type]) -> list[tuple[str, str]]:
    return [(_written(name, cls), names.summary(cls)) for name, cls in classes.items()]


def _sharing(classes: dict[str, type], variant: type) -> str:
    return ", ".join(f"`{name}`" for name, cls in classes.items() if cls.__mro__[1] is variant)


def _written(name: str, cls: type) -> str:
    given = ", ".join(f"{f.name}={f.default!r}" for f in _fields(cls))
    return name + (f"({given})" if given else "")


def _fields(cls: Any) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(cls)


def _arguments(cls: type) -> str:
    hints, said = typing.get_type_hints(cls, include_extras=True), _comments(cls)
    rows = [
        (f"`{f.name}`", f"`{f.default!r}`", _takes(hints[f.name]), _cell(said.get(f.name, ""))) for f in _fields(cls)
    ]
    return _table(["argument", "default", "takes", "what it is"], rows)


def _comments(cls: type) -> dict[str, str]:
    """{argument: the comment that stands behind it in the source}, those of base classes, too."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        with contextlib.suppress(OSError, TypeError):  # a class that no file holds, as those of a family
            found |= dict(re.findall(r"^ {4}(\w+): [^#\n]* = [^#\n]*# (.+)$", inspect.getsource(base), re.MULTILINE))
    return found


def _takes(hint: Any) -> str:
    """What a value may be, in words."""
    if get_origin(hint) is Annotated:
        base, *bounds = get_args(hint)
        within = [f"{_number(b.low)} to {_number(b.high)}" for b in bounds if isinstance(b, Between)]
        return ", ".join([_takes(base), *within])
    if get_origin(hint) is Literal:
        return " or ".join(f"`{a!r}`" for a in get_args(hint))
    if get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_takes(a) for a in get_args(hint) if a is not type(None))
    if get_origin(hint) is tuple:
        return f"one or more of: {_takes(get_args(hint)[0])}"
    return {int: "a whole number", float: "a number", str: "text", bool: "`True` or `False`"}.get(hint, "")


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def _doc(of: Any) -> list[str]:
    """A docstring's paragraphs in Markdown, each in one line; tables and what is indented stay as they are."""
    blocks = re.split(r"\n\s*\n", inspect.cleandoc(of.__doc__ or ""))
    kept = [b for b in blocks if not b.startswith("Raises:")]
    return [_block(b) for b in kept]


def _block(text: str) -> str:
    if text.startswith("|"):
        return text
    if all(line.startswith("    ") for line in text.splitlines()):
        return f"```text\n{inspect.cleandoc(text)}\n```"
    return _prose(" ".join(text.split()))


def _prose(text: str) -> str:
    """A line of a docstring: code stays code, addresses become links, and nothing else is taken for Markdown."""
    parts = re.split(r"(`[^`]+`|https?://[^\s,;)]+[^\s,;).])", text)
    return "".join(_piece(part) for part in parts)


def _piece(text: str) -> str:
    if text.startswith("`"):
        return text
    return f"<{text}>" if text.startswith("http") else re.sub(r"([\\*<>\[\]])", r"\\\1", text)


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def _table(head: list[str], rows: Sequence[tuple[str, ...]]) -> str:
    """A table in Markdown, without the columns in which nothing stands."""
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    lines = [[head[i] for i in kept], ["---"] * len(kept), *([row[i] for i in kept] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(command.call(main))
