"""What all commands share: where they work, how they fail. No Keras."""

import argparse
import errno
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from lab.errors import BadInput

LONGEST = 900  # characters of an error
CONSOLE = "lab"  # the command that an installation brings, as pyproject.toml names it


class Parser(argparse.ArgumentParser):
    """Refuses arguments as the lab refuses everything: in one line. Its help may be in groups, which have titles."""

    def __init__(self, prog: str, what: str, titles: Iterable[str] = ()) -> None:
        super().__init__(prog, description=what, allow_abbrev=False, add_help=False)
        self.groups = {title: self.add_argument_group(title) for title in titles}

    def place(self, title: str) -> argparse._ActionsContainer:
        """Where an option goes: to the group with this title, or to the parser where there are no groups."""
        return self.groups[title] if self.groups else self

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}; `{self.prog} --help` lists what there is")


def parser(module: str, what: str, titles: Iterable[str] = ()) -> Parser:
    """A parser with the two options that every command has, in the last of its groups if it has any."""
    made = Parser(called(module), what, titles)
    last: argparse._ActionsContainer = next(reversed(made.groups.values()), made)
    last.add_argument("-h", "--help", action="help", help="show this and exit")
    last.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return made


def called(module: str) -> str:
    """What a user types for a module: `lab run` where the console's command is what was typed now."""
    return module.replace(".", " ") if Path(sys.argv[0]).name == CONSOLE else f"python -m {module}"


def add_out(made: argparse._ActionsContainer) -> None:
    made.add_argument(
        "--out", default=".", metavar="DIR", help="folder of results/, img/ and README.md; left out: this folder"
    )


def call(main: Callable[[list[str]], int], argv: list[str] | None = None) -> int:
    """Runs a command: refused input is one line and exit code 2; Ctrl-C and SIGTERM are exit code 130."""
    words = sys.argv[1:] if argv is None else argv
    if argv is None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return main(words)
    except BadInput as error:
        if "--debug" in words:
            traceback.print_exc()
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 2
    except MemoryError:
        if "--debug" in words:
            traceback.print_exc()
        print("error: this takes more memory than there is; give a smaller file, or less of it", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, `head` say, has gone
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.EACCES):
            raise
        if "--debug" in words:
            traceback.print_exc()
        print(f"error: {one_line(f'{error.strerror}: {error.filename}')}; name another", file=sys.stderr)
        return 2


def one_line(text: str) -> str:
    """A text that moves no cursor: what cannot be printed, as it may come from a file, is written out."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split("\n")))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def root_of(out: str, flag: str = "--out") -> Path:
    """The folder that a flag names, made if need be.

    Raises:
        BadInput: it is a file, or cannot be made.
    """
    root = Path(out).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{flag} {out}: {error.strerror or error}; choose another folder") from None
    return root.resolve()
