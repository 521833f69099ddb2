"""`python -m lab.download`: fetches the archives of a data set, goes on where it stopped, and checks them."""

import hashlib
import http.client
import os
import shlex
import sys
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from lab import command
from lab.errors import BadInput, Unavailable
from lab.progress import PLAIN, duration

BLOCK = 1 << 18  # bytes at most that are read at a time
TRIES = 4  # in a row that bring nothing new
PAUSE = 1.0  # seconds before the second try; twice as long before each next one
TIMEOUT = 30  # seconds without an answer or a byte
PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP answers that may be another one in a moment
HERE = ("127.0.0.1", "localhost", "::1")  # where plain HTTP is as good: this machine


class Broken(Exception):
    """The connection broke off, or there was none; what has come is kept."""


def main(argv: list[str]) -> int:
    made = command.parser("lab.download", "Fetches the archives of a data set, goes on where it stopped, checks them.")
    made.add_argument("dataset", help="a data set that has archives, as gtsrb")
    made.add_argument("--to", required=True, metavar="FOLDER", help="where the archives go; made if need be")
    args = made.parse_args(argv)
    archives = archives_of(args.dataset)
    folder = command.root_of(args.to, "--to")
    try:
        with Show() as show:
            for url, md5 in archives:
                fetch(url, md5, folder, show)
    except Unavailable as error:
        if args.debug:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return 3
    print(f"all there; use it with: --dataset {shlex.quote(args.dataset)} --data-dir {shlex.quote(str(folder))}")
    return 0


def archives_of(text: str) -> tuple[tuple[str, str], ...]:
    """(URL, MD5) of each archive of a data set.

    Raises:
        BadInput: it is unknown, or declares none.
    """
    from lab import names

    archives = getattr(names.find("datasets", names.parse(text)[0]), "archives", ())
    if not archives:
        able = [n for n in names.listing("datasets") if getattr(names.find("datasets", n), "archives", ())]
        raise BadInput(f"{text} has no archives to fetch; these have: {', '.join(able)}")
    return archives


def fetch(url: str, md5: str, folder: Path, show: "Show") -> None:
    """Fetches one archive by way of `NAME.part`, unless it is there and right.

    Raises:
        Unavailable: it cannot be reached, or is not what it should be.
        BadInput: the folder cannot be written.
    """
    path = folder / url.rpartition("/")[2]
    part = path.with_name(path.name + ".part")
    if path.is_file() and md5_of(path) == md5:
        show.say(f"{path.name} is there already, its checksum is right")
        return
    if not (part.is_file() and md5_of(part) == md5):  # it is when the last download was stopped in its last moment
        receive(url, part, show)
    show.say(f"{path.name}: {megabytes(size_of(part))} have come, comparing the checksum")
    if (found := md5_of(part)) != md5:
        with writing(part):
            part.unlink()
        raise Unavailable(
            f"{url} has the checksum {found}, not {md5}; what came was deleted: give the command again, and if it "
            "happens again, the file on the server is another one"
        )
    with writing(path):
        os.replace(part, path)


def receive(url: str, part: Path, show: "Show") -> None:
    """Appends to the part until it is whole, trying again where the connection breaks.

    Raises:
        Unavailable: the server has no such file, or several tries in a row brought nothing new.
        BadInput: the part cannot be written.
    """
    most, tries = size_of(part), 0
    while True:
        try:
            return append(url, part, show)
        except Broken as error:
            most, tries = max(most, size_of(part)), 0 if size_of(part) > most else tries + 1
            if tries == TRIES:
                raise Unavailable(
                    f"{url} cannot be fetched ({error}); see to the network and give the same command again, which "
                    f"goes on from here, or fetch the file with a browser into {part.parent}"
                ) from None
            pause = PAUSE * 2 ** max(tries - 1, 0)
            show.say(f"{part.stem}: the connection broke ({error}); again in {pause:.0f} s")
            time.sleep(pause)


def append(url: str, part: Path, show: "Show") -> None:
    """One request for what the part lacks; a server that does not know ranges sends everything again.

    Raises:
        Broken: less came than the server announced.
        Unavailable: the server has no such file.
        BadInput: the part cannot be written.
    """
    have = size_of(part)
    with answer_of(url, part) as answer:
        if answer.status == 206 and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            restart(part, "the server sent another part than it was asked for")
        have = have if answer.status == 206 else 0
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        show.begin(part.stem, have, total)
        with written(part, "ab" if have else "wb") as file:
            for block in blocks(answer):
                with writing(part):
                    file.write(block)
                    file.flush()
                have += len(block)
                show.at(have)
    if total is not None and have < total:
        raise Broken(f"it ended after {megabytes(have)} of {megabytes(total)}")


@contextmanager
def answer_of(url: str, part: Path) -> Iterator[Any]:
    """The server's answer to a request for what the part lacks.

    Raises:
        Broken: it does not answer, or says to come back later.
        Unavailable: it answers that there is no such file.
    """
    demand_safe(url)
    request = urllib.request.Request(url, headers={"User-Agent": "transfer-learning-lab"})  # noqa: S310 (`demand_safe`)
    if have := size_of(part):
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.build_opener(Redirect).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            restart(part, "what is here is longer than the server's file")
        if error.code in PASSING:
            raise Broken(f"the server answers {error.code} {error.reason}") from None
        raise Unavailable(f"{url}: the server answers {error.code} {error.reason}; fetch it elsewhere") from None
    except (OSError, http.client.HTTPException) as error:
        raise Broken(reason_of(error)) from None
    with answer:
        yield answer


def blocks(answer: Any) -> Iterator[bytes]:
    """What comes, as it comes.

    Raises:
        Broken: the connection broke.
    """
    while True:
        try:
            block = answer.read1(BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(reason_of(error)) from None
        if not block:
            return
        yield block


def restart(part: Path, why: str) -> NoReturn:
    """Forgets a part that belongs to another file."""
    with writing(part):
        part.unlink(missing_ok=True)
    raise Broken(why)


class Redirect(urllib.request.HTTPRedirectHandler):
    """Follows the server to another address, if that is as safe."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        demand_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def demand_safe(url: str) -> None:
    """Refuses what others could read or change on its way.

    Raises:
        Unavailable: it is not https.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in HERE):
        raise Unavailable(f"{url} is not https, and nothing else is fetched from")


@contextmanager
def writing(part: Path) -> Iterator[None]:
    """Turns a full disk, or a folder that is read-only, into one line; what has come stays."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"cannot write {part}: {error.strerror or error}; make room and give the same command again, or choose "
            "another folder with --to"
        ) from None


@contextmanager
def written(part: Path, mode: str) -> Iterator[IO[bytes]]:
    with writing(part):
        file = part.open(mode)
    with file:
        yield file


def reason_of(error: Exception) -> str:
    """Why there is no connection, in a few words on one line."""
    why = getattr(error, "reason", None) or error
    return " ".join(str(getattr(why, "strerror", None) or why or type(error).__name__).split())[:200]


def size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def md5_of(path: Path) -> str:
    """MD5 is what the publisher gives: it shows damage; that it is the publisher who answers, https shows."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


class Show:
    """A bar for each file in a terminal; elsewhere a plain line at its start and every few seconds."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(20), DownloadColumn(), TransferSpeedColumn(),
            TextColumn("left"), TimeRemainingColumn(),
            console=self.console, disable=not self.console.is_terminal,
        )  # fmt: skip
        self.name, self.first, self.total = "", 0, None  # type: str, int, int | None
        self.began = self.last = 0.0

    def __enter__(self) -> "Show":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def say(self, text: str) -> None:
        self.console.print(escape(text))

    def begin(self, name: str, have: int, total: int | None) -> None:
        """A file of `total` bytes, of which `have` are there."""
        for task in self.progress.task_ids:
            self.progress.remove_task(task)
        self.name, self.first, self.total = name, have, total
        self.began = self.last = time.monotonic()
        self.task = self.progress.add_task(name, total=total, completed=have)
        of = f" of {megabytes(total)}" if total else ""
        self.say(f"fetching {name}{of}" + (f", from {megabytes(have)} on" if have else ""))

    def at(self, have: int) -> None:
        """`have` bytes are there."""
        self.progress.update(self.task, completed=have)
        now = time.monotonic()
        if self.console.is_terminal or now - self.last < PLAIN:
            return
        self.last = now
        left = ""
        if self.total and have > self.first:
            left = f", about {duration((now - self.began) / (have - self.first) * (self.total - have))} left"
        self.say(f"  {self.name}: {megabytes(have)}{f' of {megabytes(self.total)}' if self.total else ''}{left}")


if __name__ == "__main__":
    sys.exit(command.call(main))
