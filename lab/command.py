"""What all commands share: where they work, how they fail. No Keras."""

import argparse
import errno
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from lab.errors import BadInput

LONGEST = 900  # characters of an error


class Parser(argparse.ArgumentParser):
    """Refuses arguments as the lab refuses everything: in one line."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}; `{self.prog} --help` lists what there is")


def parser(module: str, what: str) -> Parser:
    """A parser with the two options that every command has."""
    made = Parser(f"python -m {module}", description=what, allow_abbrev=False)
    made.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return made


def add_out(made: argparse.ArgumentParser) -> None:
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
