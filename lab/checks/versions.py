"""Packages that are not those that the lab is tested with, and an accelerator that goes unused."""

import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lab.checks import Finding, finding
from lab.environment import device, pins, pip_install

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
    others = {
        n: f"{n} {is_} ({want} wanted)" for n, want in pinned().items() if (is_ := _installed(n)) not in (None, want)
    }
    if not others:
        return None
    return finding(", ".join(others.values()), "results were recorded with the wanted versions", pip_install(*others))


def pinned() -> dict[str, str]:
    """The versions that the lab asks for."""
    return {n: v for n, v in pins().items() if n in PINNED}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
