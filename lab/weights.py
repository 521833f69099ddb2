"""Where weights come from: which file, its digest, and its arrays. No Keras until they are read.

A file is only ever read as arrays: a `.keras` archive's configuration is inspected and never
deserialised, so no code in it can run; pickles are refused.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lab.backbones import Backbone
from lab.errors import BadInput

EMBEDDED = Path(__file__).parent / "source"
HDF5 = b"\x89HDF\r\n\x1a\n"
KERAS_OWN = "imagenet file"  # what a file is called that Keras publishes for the backbone, with its top or without
LARGEST_MEMBER = 4 << 30  # bytes of a member of a .keras archive


@dataclass(frozen=True)
class Source:
    """Weights to start from. `meta` is the record of the run that made them, where the lab did."""

    kind: str  # imagenet, file or run
    label: str  # as the table shows it; never a path
    digest: str
    path: Path | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    group: str | None = None  # of the run that made them: sources that differ by their seed only


def find(text: str, backbone: Backbone, root: Path) -> Source | None:
    """The source that `--weights` names; None for "none".

    Raises:
        BadInput: if there is no such file or run, if it is no weights file, or for another network.
    """
    if text == "none":
        return None
    if text == "imagenet":
        return Source("imagenet", "imagenet", f"imagenet:{backbone}")
    if text == "source" or text.startswith("run:"):
        found = _embedded() if text == "source" else finished(text.removeprefix("run:"), root)
        made_for = found.meta["choices"]["backbone"]
        if made_for != str(backbone):
            raise BadInput(f"--weights {text} are of {made_for}, not of {backbone}; use --backbone '{made_for}'")
        return found
    path = Path(text).expanduser()
    if path.suffix not in (".h5", ".hdf5", ".keras"):
        raise BadInput(
            f"--weights takes imagenet, none, source, run:NAME, a .h5 or a .keras file; received {path.name!r}"
        )
    if not path.is_file():
        raise BadInput(f"no such weights file: {text}")
    _inspect(path)
    bare = backbone.weights_file() or ""
    label = KERAS_OWN if path.name in (bare, re.sub("_no_?top", "", bare)) else path.name
    return Source("file", label, _sha256(path), path)


@cache
def embedded_backbone() -> str | None:
    """The backbone of the checkpoint that ships with the lab."""
    record = EMBEDDED / "emblems.json"
    return json.loads(record.read_text())["choices"]["backbone"] if record.exists() else None


def read_arrays(path: Path) -> list[tuple[str, Any]] | None:
    """(name, array) of a file in the layout of Keras Applications, in order; None for Keras 3's layout.

    Raises:
        BadInput: the file is damaged.
    """
    import h5py

    try:
        opened = h5py.File(path, "r")
    except OSError as error:
        raise BadInput(f"{path.name} is a damaged HDF5 file: {error}") from None
    with opened as file:
        group = file.get("model_weights", file)
        if "layer_names" not in group.attrs:
            return None
        arrays = []
        for layer in _texts(group.attrs["layer_names"]):
            for name in _texts(group[layer].attrs["weight_names"]):
                arrays.append((name, group[layer][name][()]))
        return arrays


def finished(name: str, root: Path) -> Source:
    """The weights of a finished run of the lab.

    Raises:
        BadInput: there is no such run.
    """
    from lab import store

    record = store.finished(root, name)
    path = store.kept(root, record, "weights.h5")
    return Source("run", f"run:{name}", record["digest"], path, record, record["group"])


def _embedded() -> Source:
    if embedded_backbone() is None:
        raise BadInput("the embedded source is missing from this installation; run experiments/source.py to make it")
    record = json.loads((EMBEDDED / "emblems.json").read_text())
    return Source("run", "source", record["net"]["weights_digest"], EMBEDDED / "emblems.weights.h5", record)


def _inspect(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(8)
    if path.suffix != ".keras":
        if start != HDF5:
            raise BadInput(f"{path.name} is not an HDF5 weights file (its first bytes are {start!r})")
        return
    if not zipfile.is_zipfile(path):
        raise BadInput(f"{path.name} is not a .keras archive (its first bytes are {start!r})")
    with zipfile.ZipFile(path) as archive:
        members = {i.filename: i.file_size for i in archive.infolist()}
        if "model.weights.h5" not in members or "config.json" not in members:
            raise BadInput(f"{path.name} is not a .keras archive: it holds {', '.join(list(members)[:4]) or 'nothing'}")
        if max(members.values()) > LARGEST_MEMBER:
            raise BadInput(
                f"{path.name} holds a member of {max(members.values()):,} bytes; {LARGEST_MEMBER:,} is allowed"
            )
        try:
            config = json.loads(archive.read("config.json"))
        except ValueError:
            raise BadInput(f"{path.name}: its config.json is not JSON") from None
    if foreign := next(_foreign(config), None):
        raise BadInput(f"{path.name} holds code that is not Keras' own ({foreign}); it was not run. Save weights only")


def _foreign(config: Any) -> Iterator[str]:
    """Names of everything in a configuration that is neither Keras' nor the lab's, Lambda included."""
    if isinstance(config, dict):
        name, module = config.get("class_name"), config.get("module")
        registered = config.get("registered_name")
        if name in ("Lambda", "__lambda__"):
            yield name
        elif isinstance(module, str) and module.split(".")[0] not in ("keras", "lab", "builtins"):
            yield f"{module}.{name}"
        elif name and module is None and registered and not str(registered).startswith("lab>"):
            yield str(registered)
        config = list(config.values())
    if isinstance(config, list):
        for value in config:
            yield from _foreign(value)


def _texts(values: Any) -> list[str]:
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
