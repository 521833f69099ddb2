"""What a result depends on beside its choices: versions, device, memory, state of the code."""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path
from typing import Any

from lab import __version__

PROJECT = "transfer-learning-lab"  # as pyproject.toml names it
BASE = Path(__file__).parent.parent  # what holds lab/: a checkout, or the folder of installed packages
IS_CHECKOUT = (BASE / ".git").exists()
UNASKED = ("matplotlib", "pandas", "sklearn")  # Keras imports them where they are, and takes other inputs without them
PACKAGES = ("keras", "tensorflow", "jax", "numpy", "scipy", "scikit-learn", "pillow", "simplejpeg")


def environment() -> dict[str, Any]:
    """Versions, device and state of the code: what a result depends on beside the choices."""
    import keras

    return {
        "lab": __version__,
        "python": platform.python_version(),
        "backend": keras.backend.backend(),
        "versions": versions(PACKAGES),
        "device": device(),
        "onednn": keras.backend.backend() == "tensorflow" and os.environ["TF_ENABLE_ONEDNN_OPTS"] != "0",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "commit": _git("rev-parse", "HEAD") or _installed_commit(),
        "dirty": bool(_git("status", "--porcelain", "--", "lab", "experiments")),
    }


def kept_at_home() -> Path:
    """The folder of what is worth keeping from one folder of results to the next, and can be made again."""
    return Path(os.environ.get("LAB_CACHE") or "~/.cache/transfer-learning-lab").expanduser()


def now() -> str:
    """The time in UTC, as records give it: ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing reaches standard error, not even what C++ libraries write past every setting."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def backend_to_be() -> str:
    """The backend that Keras takes when it is imported: of the environment, or its own file of choices."""
    file = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "keras.json"
    try:
        chosen = json.loads(file.read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        chosen = None  # as Keras does with a file that is none
    return os.environ.get("KERAS_BACKEND") or chosen or "tensorflow"


def import_keras() -> None:
    """Imports Keras and its backend, and not what they would bring along unasked: half of the time and a third of the
    memory that it takes. Whoever wants that imports it as ever.
    """
    unasked = (*UNASKED, "jax", "scipy") if backend_to_be() == "tensorflow" else UNASKED
    hidden = [name for name in unasked if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: as if it were not installed
    try:
        import keras  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


def wake_keras() -> None:
    """Imports Keras and its backend without the start-up messages that TensorFlow writes past every setting."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with hushed():
        import_keras()
        import keras

        keras.ops.zeros(1)  # the first operation looks for devices, and says so


def full_precision() -> None:
    """Has float32 computed in all its bits: NVIDIA's GPUs otherwise cut it to TF32, which is good to 1e-3."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    elif keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")


def device() -> str:
    """The accelerator that the backend computes on, or "cpu"."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return str(jax.devices()[0].device_kind)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_device_details(found[0]).get("device_name", "gpu") if found else "cpu"
    return keras.backend.backend()


def peak_memory() -> float | None:
    """Most memory that this process has had resident, in MB; None where the system does not tell (Windows).

    Linux says it of the process itself; what `getrusage` says begins with what the process had that started it.
    """
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)):
        return int(found[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def forget_peak() -> None:
    """Has `peak_memory` begin anew, where the system does that: Linux; elsewhere it is the process's, runs before
    included.
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Of each package; None where it is not installed."""
    return {name: _version(name) for name in packages}


def pins() -> dict[str, str]:
    """The version of each package that the lab is tested with, as its installation says, or its checkout, if newer."""
    try:
        wanted = requires(PROJECT) or []
    except PackageNotFoundError:
        wanted = []
    if (beside := BASE / "requirements.txt").exists():
        wanted += beside.read_text(encoding="utf-8").splitlines()
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", "\n".join(wanted), re.MULTILINE))


def pip_install(*packages: str) -> str:
    """The command that gets these packages, in the versions that the lab is tested with, wherever it is typed."""
    wanted = pins()
    return " ".join(["pip install", *(f"{p}=={wanted[p]}" if p in wanted else p for p in sorted(packages))])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _installed_commit() -> str | None:
    """The commit that pip was told to install, as by git+https://...; None of a folder or an archive."""
    try:
        origin = distribution(PROJECT).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    return json.loads(origin or "{}").get("vcs_info", {}).get("commit_id")


def _git(*words: str) -> str | None:
    """What git says of the lab's checkout; None of an installed copy, around which there may be another's."""
    if not IS_CHECKOUT:
        return None
    try:
        done = subprocess.run(["git", "-C", str(BASE), *words], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
