"""A folder or a zip archive read alike; nothing is unpacked, no path leaves it."""

import hashlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import numpy as np

from lab.errors import BadInput
from lab.inputs import once, rasters
from lab.inputs.bands import Band
from lab.inputs.decoding import ENDINGS, SUFFIXES, Fit, Size, Unreadable, decoded, opened, upright_size

LARGEST_FILE = 256 << 20  # bytes
BLOCK = 1 << 20  # bytes read at a time where a file is read through

DAMAGED = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def hidden(name: str) -> bool:
    """Whether a file or one of its folders is hidden, or is what macOS adds to an archive."""
    return name.startswith(".") or "/." in name or ("__MACOSX" in name and "__MACOSX" in name.split("/"))


class Listing(NamedTuple):
    """What lies below a folder, by names with `/`.

    Attributes:
        files: files and links to files, each with its `stamp`, or None where it has none to give.
        folders: folders and links to folders, which are not followed.
        others: what is neither, as a link to nothing.
    """

    files: dict[str, str | None]
    folders: list[str]
    others: list[str]


def listed(root: Path) -> Listing:
    """What lies below a folder; one that may not be read, or is none, is one without files."""
    return once.found(("listed", root), lambda: _listed(root))


def _listed(root: Path) -> Listing:
    found, left = Listing({}, [], []), [""]
    while left:
        prefix = left.pop()
        try:
            entries = list(os.scandir(root / prefix))
        except (PermissionError, NotADirectoryError):
            continue
        for entry in entries:
            name = prefix + entry.name
            if entry.is_file():
                found.files[name] = _stamp(entry)
            elif entry.is_dir():
                found.folders.append(name)
                left += [] if entry.is_symlink() else [f"{name}/"]
            else:
                found.others.append(name)
    return found


def _stamp(entry: os.DirEntry) -> str | None:
    try:
        return _stamped(entry.stat())
    except OSError:
        return None  # whoever wants it is told why


def _stamped(about: os.stat_result) -> str:
    return f"{about.st_size} {about.st_mtime_ns}"


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """A file in an archive, opened; damage to its header is told as that to its content is."""
    try:
        return archive.open(info)
    except (ValueError, struct.error) as error:
        raise zipfile.BadZipFile(str(error)) from None


class Files:
    """The files below a folder, or in a zip archive, by their names with `/`.

    Attributes:
        path: the folder or archive.
        names: of all files.
        folders: names of the folders that are listed as such, among them every empty one.
        is_whole: whether all files of a folder are among them.
    """

    def __init__(
        self,
        place: str | None,
        what: str,
        hint: str = "",
        alone: tuple[str, ...] = (),
        only: Iterable[str] | None = None,
    ):
        """`what` says what is wanted, for the error, and `hint` how else to get it.

        A file with one of the endings `alone` is read as a folder that holds nothing else. Of a folder,
        `only` the named files are looked for, where they are given; they may lie outside.

        Raises:
            BadInput: there is no such folder or archive.
        """
        if place is None:
            raise BadInput(f"{what} is not embedded; say where it is with --data-dir FOLDER or ARCHIVE.zip{hint}")
        self.path = self.root = Path(place).expanduser()
        self.names: set[str] = set()
        self.folders: set[str] = set()
        self.is_whole = False
        self.archives: list[zipfile.ZipFile] = []
        self.packed: dict[str, tuple[zipfile.ZipFile, zipfile.ZipInfo]] = {}
        if self.path.is_dir() and only is not None:
            self.names = {n for n in only if (self.root / n).is_file()}
        elif self.path.is_dir():
            there, self.is_whole = listed(self.path), True
            self.names, self.folders = set(there.files), {*there.folders, *there.others}
        elif self.path.is_file() and self.path.name.lower().endswith(alone):
            self.root = self.path.parent
            self.names = {self.path.name}
        elif self.path.is_file():
            self._add(self.path, "")
        else:
            raise BadInput(f"--data-dir {place}: no such folder or archive")

    def close(self) -> None:
        """Closes the archives; a file in one of them cannot be read from then on."""
        for archive in self.archives:
            archive.close()

    def __enter__(self) -> "Files":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def title(self) -> str:
        """What errors call the folder or archive."""
        return self.path.name or str(self.path.resolve())  # `.` has no name

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        """What the images' bands are, where a `bands.toml` says so; none: they are RGB, or grey.

        Raises:
            BadInput: it is wrong.
        """
        return rasters.described(self)

    def pictures(self) -> list[str]:
        """The names of all image files that are not hidden, in order."""
        if self.bands:
            return rasters.collapsed(
                sorted(n for n in self.names if n.lower().endswith(ENDINGS) and not hidden(n)), self.bands
            )
        return sorted(n for n in self.names if n.lower().endswith(SUFFIXES) and not hidden(n))

    def called(self, name: str) -> str:
        """What errors call a file: behind the folder or archive that holds it."""
        if name in self.packed:
            archive, info = self.packed[name]
            return f"{Path(str(archive.filename)).name}/{info.filename}"
        return f"{self.title}/{name}" if self.root == self.path else name

    def open_archives(self) -> None:
        """Adds what the folder's zip archives hold, as if each were unpacked where it lies.

        A file that does lie there comes before its packed copy. An archive in an archive stays shut.

        Raises:
            BadInput: names the archive that is none, or that holds a path which leads out of it.
        """
        for name in sorted(self.names - set(self.packed)):
            if name.lower().endswith(".zip"):
                self._add(self.root / name, name.rpartition("/")[0])

    def _add(self, path: Path, folder: str) -> None:
        try:
            archive = zipfile.ZipFile(path)
        except (*DAMAGED, ValueError, struct.error) as error:
            raise BadInput(f"{path.name} is neither a folder nor a zip archive: {error}; fetch it again") from None
        self.archives.append(archive)
        infos = {i.filename: i for i in archive.infolist()}  # of two with one name, the last, as when unpacking
        for name in infos:
            if not name or name.startswith("/") or ".." in PurePosixPath(name).parts:
                self.close()
                raise BadInput(f"{path.name} holds the path {name!r}, which leads out of the archive; refused")
        for inner, info in infos.items():
            name = f"{folder}/{inner}" if folder else inner
            if info.is_dir():
                self.folders.add(name.rstrip("/"))
            elif name not in self.names:
                self.names.add(name)
                self.packed[name] = archive, info

    @contextmanager
    def open(self, name: str, largest: int) -> Iterator[tuple[IO[bytes], int]]:
        """A file of at most `largest` bytes as (stream, size in bytes).

        Raises:
            BadInput: it is missing, too large, or damaged.
        """
        if name not in self.names:
            raise BadInput(f"{self.title} has no file {name}")
        archive, info = self.packed.get(name, (None, None))
        try:
            size = info.file_size if info else (self.root / name).stat().st_size
            if size > largest:
                raise BadInput(f"{self.called(name)} has {size:,} bytes; {largest:,} are allowed")
            with _member(archive, info) if archive and info else (self.root / name).open("rb") as stream:
                yield stream, size
        except DAMAGED as error:
            raise BadInput(f"{self.called(name)} cannot be read: {error}") from None

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            BadInput: it is missing, too large, or damaged.
        """
        with self.open(name, LARGEST_FILE) as (stream, _):
            return stream.read()

    def image(self, name: str, size: Size, fit: Fit = "squash") -> np.ndarray:
        """An RGB image (height, width, 3) uint8, see `decoded`; where its bands are described, as it is stored.

        Raises:
            BadInput: it is missing, no image, truncated, or absurdly large.
        """
        try:
            if self.bands:
                return rasters.read(self, name, self.bands, size, fit)
            return decoded(self.read(name), size, fit)
        except Unreadable as error:
            raise BadInput(f"{self.called(name)} {error}") from None

    def size(self, name: str) -> tuple[int, int]:
        """(height, width) in pixels of an image as a viewer shows it; it is not decoded for it.

        Raises:
            BadInput: it is missing, no image, or absurdly large.
        """
        try:
            with opened(self.read(name)) as image:
                width, height = upright_size(image)
        except Unreadable as error:
            raise BadInput(f"{self.called(name)} {error}") from None
        return height, width

    def stamps(self, names: Iterable[str]) -> dict[str, str]:
        """The stamp of each name; that of a file as it was when the folder was listed."""
        known = listed(self.root).files if self.is_whole else {}
        return {n: (n not in self.packed and known.get(n)) or self.stamp(n) for n in names}

    def stamp(self, name: str) -> str:
        """Size in bytes, and time of change or CRC-32: different when the file is another, without reading it.

        Of a folder, that of each file in it.
        """
        if name not in self.names:
            return " ".join(self.stamp(n) for n in sorted(self.names) if n.startswith(f"{name}/"))
        if name in self.packed:
            return f"{self.packed[name][1].file_size} {self.packed[name][1].CRC}"
        return _stamped(os.stat(self.root / name))

    def checksum(self, name: str) -> int:
        """CRC-32 of a file's content; an archive has it in its directory.

        Raises:
            BadInput: it cannot be read.
        """
        if name in self.packed:
            return self.packed[name][1].CRC
        crc = 0
        with self.open(name, 1 << 62) as (stream, _):
            while block := stream.read(BLOCK):
                crc = zlib.crc32(block, crc)
        return crc

    def checksums(self, suffixes: tuple[str, ...]) -> list[str]:
        """`name crc32` of the files with these endings, sorted: the same for a folder and its archive."""
        chosen = sorted(n for n in self.names if n.lower().endswith(suffixes))
        return [f"{n} {self.checksum(n):08x}" for n in chosen]

    def sha256(self, name: str, largest: int) -> str:
        """SHA-256 of a file's content, in hexadecimal.

        Raises:
            BadInput: it is missing, too large, or damaged.
        """
        sha = hashlib.sha256()
        with self.open(name, largest) as (stream, _):
            while block := stream.read(BLOCK):
                sha.update(block)
        return sha.hexdigest()
