"""`python -m lab`, or `lab` where the lab is installed: lists the commands; `lab run` is `python -m lab.run`."""

import ast
import difflib
import sys
from importlib import import_module
from pathlib import Path

from lab import command
from lab.errors import BadInput


def main() -> int:
    """What the console's command `lab` does; the exit code."""
    return command.call(dispatched)


def dispatched(argv: list[str]) -> int:
    """Does the command that the first word names, with the others as its own; lists all where there is no word."""
    if not argv or argv[0].startswith("-"):
        return listed(argv)
    name, *words = argv
    return command.call(import_module(module_of(name)).main, words)


def listed(argv: list[str]) -> int:
    what = "A lab that compares, fairly, the ways to transfer a pretrained network. Without a COMMAND it lists them."
    made = command.parser("lab", what)
    made.usage = "%(prog)s [--help] [COMMAND ...]"
    made.parse_args(argv)
    print(f"{command.called('lab.COMMAND')} --help tells more:\n")
    for name, text in commands().items():
        summary = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0].split(": ", 1)[-1]
        print(f"  {command.called(f'lab.{name}').removeprefix('python -m '):<16} {summary}")
    return 0


def module_of(name: str) -> str:
    """The module that `python -m` would run for a command's name.

    Raises:
        BadInput: there is no such command.
    """
    known = commands()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise BadInput(f"no such command: {name:.80}; {hint}`{command.called('lab')}` lists them all")
    return f"lab.{name}.__main__" if (Path(__file__).parent / name).is_dir() else f"lab.{name}"


def commands() -> dict[str, str]:
    """Each command's name and the text of its file: whatever hands its `main` to `command.call`."""
    here = Path(__file__)
    files = sorted({*here.parent.glob("*.py"), *here.parent.glob("*/__main__.py")} - {here})
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    names = {path: path.parent.name if path.name == here.name else path.stem for path in files}
    return {names[path]: text for path, text in texts.items() if "command.call(main)" in text}


if __name__ == "__main__":
    sys.exit(main())
