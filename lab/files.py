"""Files that are written whole or not at all, and digests. Knows nothing of runs, and nothing of Keras."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.errors import BadInput


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replaces a file at once.

    Raises:
        BadInput: the disk is full or the folder read-only; the old file is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}; nothing was changed") from None
    hidden = path.with_name(f".{path.name}.part{os.getpid()}")  # no record for those who look for *.json
    with replacing(path, hidden) as partial, partial.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: Path, partial: Path | None = None) -> Iterator[Path]:
    """A path to write to in place of `path`, which takes its place when all went well and is removed when not.

    It ends as `path` does, since some writers look at that.

    Raises:
        BadInput: the disk is full or the folder read-only; the old file is as it was.
    """
    partial = partial or path.with_name(f"part{os.getpid()}.{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}; nothing was changed") from None
    finally:
        partial.unlink(missing_ok=True)


def digest(value: Any) -> str:
    """SHA-256 of the value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
