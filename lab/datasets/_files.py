"""A folder or a zip archive read alike; nothing is unpacked, no path leaves it."""

import io
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, UnidentifiedImageError

from lab.errors import BadInput

LARGEST_FILE = 256 << 20  # bytes
LARGEST_SIDE = 8192  # pixels


class Files:
    """The files below a folder, or in a zip archive, by their names with `/`."""

    def __init__(self, place: str | None, what: str):
        """`what` says what is wanted, for the error.

        Raises:
            BadInput: there is no such folder or archive.
        """
        if place is None:
            raise BadInput(f"{what} is not embedded; say where it is with --data-dir FOLDER or ARCHIVE.zip")
        self.path = Path(place).expanduser()
        self.zip: zipfile.ZipFile | None = None
        if self.path.is_dir():
            self.names = {p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file()}
        elif self.path.is_file():
            try:
                self.zip = zipfile.ZipFile(self.path)
            except (zipfile.BadZipFile, OSError) as error:
                raise BadInput(f"{self.path.name} is neither a folder nor a zip archive: {error}") from None
            self.infos = {i.filename: i for i in self.zip.infolist() if not i.is_dir()}
            self.names = set(self.infos)
            for name in self.names:
                if name.startswith("/") or ".." in PurePosixPath(name).parts:
                    raise BadInput(f"{self.path.name} holds the path {name!r}, which leads out of the archive; refused")
        else:
            raise BadInput(f"--data-dir {place}: no such folder or archive")

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            BadInput: it is missing, too large, or damaged.
        """
        if name not in self.names:
            raise BadInput(f"{self.path.name} has no file {name}")
        size = self.infos[name].file_size if self.zip else (self.path / name).stat().st_size
        if size > LARGEST_FILE:
            raise BadInput(f"{self.path.name}/{name} has {size:,} bytes; {LARGEST_FILE:,} are allowed")
        try:
            return self.zip.read(name) if self.zip else (self.path / name).read_bytes()
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
            raise BadInput(f"{self.path.name}/{name} cannot be read: {error}") from None

    def image(self, name: str, size: int) -> np.ndarray:
        """An RGB image (size, size, 3) uint8, resized with antialiasing if it has another size.

        Raises:
            BadInput: it is missing, no image, truncated, or absurdly large.
        """
        try:
            with Image.open(io.BytesIO(self.read(name))) as image:
                if max(image.size) > LARGEST_SIDE:
                    raise BadInput(
                        f"{self.path.name}/{name} is {image.width} x {image.height} px; {LARGEST_SIDE} are allowed"
                    )
                rgb = image.convert("RGB")
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise BadInput(f"{self.path.name}/{name} is not a readable image: {str(error)[:100]}") from None
        return np.asarray(rgb if rgb.size == (size, size) else rgb.resize((size, size), Image.Resampling.BILINEAR))

    def checksums(self, suffixes: tuple[str, ...]) -> list[str]:
        """`name crc32` of the files with these endings, sorted: the same for a folder and its archive."""
        chosen = sorted(n for n in self.names if n.lower().endswith(suffixes))
        crc = (lambda n: self.infos[n].CRC) if self.zip else (lambda n: zlib.crc32((self.path / n).read_bytes()))
        return [f"{n} {crc(n):08x}" for n in chosen]
