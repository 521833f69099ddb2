"""Where weights come from: which file, its digest, and its arrays. No Keras until they are read.

A file is only ever read as arrays: a `.keras` archive's configuration is inspected and never
deserialised, so no code in it can run; pickles are refused.
"""

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import lab
from lab.backbones import Backbone
from lab.errors import BadInput
from lab.inputs.folders import DAMAGED

EMBEDDED = Path(lab.__file__).parent / "source"
HDF5 = b"\x89HDF\r\n\x1a\n"
KERAS_OWN = "imagenet file"  # what a file is called that Keras publishes for the backbone, with its top or without
LARGEST_MEMBER = 4 << 30  # bytes of a member of a .keras archive
LARGEST_CONFIG = 64 << 20  # bytes of its config.json
EXPANDED = 100  # times its size that a file of weights may hold once it is decompressed


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


def at_hand(backbone: Backbone) -> str:
    """Which pretrained weights of a backbone this machine has: "source" (embedded), "imagenet", or "no"."""
    if embedded_backbone() == str(backbone):
        return "source"
    folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    file = backbone.weights_file()
    return "imagenet" if file and (folder / file).exists() else "no"


def read_arrays(path: Path) -> list[tuple[str, Any]] | None:
    """(name, array) of a file in the layout of Keras Applications, in order; None for Keras 3's layout.

    Raises:
        BadInput: the file is damaged.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = file.get("model_weights", file)
            if "layer_names" not in group.attrs:
                return None
            layers = [(group[layer], _texts(group[layer].attrs["weight_names"])) for layer in _names(group)]
            return [(name, _values(layer[name], path)) for layer, names in layers for name in names]
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise BadInput(f"{path.name} is a damaged HDF5 file: {str(error).strip(chr(34))}") from None


def _names(group: Any) -> list[str]:
    return _texts(group.attrs["layer_names"])


def _values(dataset: Any, path: Path) -> Any:
    """What a dataset of a file holds.

    Raises:
        ValueError: it is no array of numbers, or claims more than the file has.
    """
    if not isinstance(getattr(dataset, "dtype", None), np.dtype) or dataset.dtype.kind not in "fiu":
        raise ValueError(f"{getattr(dataset, 'name', dataset)} is no array of numbers")
    if dataset.nbytes > EXPANDED * path.stat().st_size:
        raise ValueError(f"{dataset.name} claims {dataset.nbytes:,} bytes, more than the file can hold")
    return dataset[()]


def finished(name: str, root: Path) -> Source:
    """The weights of a finished run of the lab.

    Raises:
        BadInput: there is no such run.
    """
    from lab.records import store

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
    try:
        config = _config(path)
    except (*DAMAGED, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not a .keras archive: {str(error)[:100]}") from None
    if foreign := next(_foreign(config), None):
        raise BadInput(f"{path.name} holds code that is not Keras' own ({foreign}); it was not run. Save weights only")


def _config(path: Path) -> Any:
    """The network that a .keras archive describes, as JSON; nothing is made of it.

    Raises:
        ValueError: it lacks something, or is more than is allowed.
    """
    with zipfile.ZipFile(path) as archive:
        sizes = {i.filename: i.file_size for i in archive.infolist()}
        if "model.weights.h5" not in sizes or "config.json" not in sizes:
            raise ValueError(f"it holds {', '.join(list(sizes)[:4]) or 'nothing'}")
        for name, allowed in (("model.weights.h5", LARGEST_MEMBER), ("config.json", LARGEST_CONFIG)):
            if sizes[name] > allowed:
                raise ValueError(f"its {name} has {sizes[name]:,} bytes; {allowed:,} are allowed")
        return json.loads(archive.read("config.json"))


def _foreign(config: Any) -> Iterator[str]:
    """Names of everything in a configuration that is neither Keras' nor the lab's, Lambda included."""
    if isinstance(config, dict):
        name, module = config.get("class_name"), config.get("module")
        registered = config.get("registered_name")
        if name in ("Lambda", "__lambda__"):
            yield name
        elif isinstance(module, str) and name and module.split(".")[0] not in ("keras", "lab"):
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
