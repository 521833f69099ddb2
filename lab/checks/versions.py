"""Packages that are not those that the lab is tested with, and an accelerator that goes unused."""

import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lab.checks import Finding, finding
from lab.environment import device

PINNED = ("keras", "tensorflow", "numpy")  # what a result depends on


def check(trainer: Any) -> Finding | None:
    import keras

    backend = keras.backend.backend()
    with_cuda = {"jax": "jax[cuda12]", "tensorflow": "tensorflow[and-cuda]"}.get(backend, backend)
    if device() == "cpu" and shutil.which("nvidia-smi"):
        return finding(
            f"{backend} finds no GPU, though this machine has NVIDIA's driver",
            "a CPU takes ten to a hundred times as long",
            f"pip install '{with_cuda}'",
        )
    others = [
        f"{n} {is_} ({want} wanted)" for n, want in pinned().items() if (is_ := _installed(n)) not in (None, want)
    ]
    if not others:
        return None
    return finding(
        ", ".join(others), "results were recorded with the wanted versions", "pip install -r requirements.txt"
    )


def pinned() -> dict[str, str]:
    """The versions that requirements.txt asks for; none where the lab is installed without it."""
    path = Path(__file__).parents[2] / "requirements.txt"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return {n: v for n, v in re.findall(r"^([\w-]+)==([\w.]+)", text, re.MULTILINE) if n in PINNED}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
