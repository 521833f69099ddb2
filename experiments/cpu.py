"""On a CPU, what are TensorFlow's oneDNN kernels worth, and that a run's process keeps the memory it frees?

Trains a UNet on MobileNetV2(alpha=0.35) on drawn scenes of 192 px: as TensorFlow and glibc come, with the memory kept
(`KEEP_FREED_MEMORY` in lab/runs/process.py), with oneDNN (lab/__init__.py; where the CPU has AVX-512, TensorFlow
chooses it by itself, and here it is switched off for the comparison), and with both, as the lab does. Each way
runs twice, in turn; median epoch and peak memory are compared. Writes results/cpu.json. Needs no data and no
network; a quarter of an hour on 2 CPU cores that do nothing else.

    python experiments/cpu.py
"""

import json
import os
import statistics
import tempfile
from pathlib import Path

from lab import Run
from lab.files import write_atomically
from lab.records import store
from lab.runs import process, runner

RUN = Run(
    dataset="scenes(px=192,train=64,val=16,test=16)", backbone="MobileNetV2(alpha=0.35)", weights="none",
    strategy="scratch", head="unet(norm='batch')", batch_size=8, epochs=6, checks="none",
)  # fmt: skip
KEPT = dict(process.KEEP_FREED_MEMORY)
WAYS = {"neither": ("0", {}), "memory": ("0", KEPT), "onednn": ("1", {}), "both": ("1", KEPT)}
TIMES = 2


def epochs(way: str) -> tuple[list[float], float]:
    """Seconds of each epoch but the first, which compiles, and peak memory in MB of a run."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"], process.KEEP_FREED_MEMORY = WAYS[way]
    with tempfile.TemporaryDirectory() as out:
        runner.run_all([RUN], "cpu", Path(out), f"the CPU, {way}")
        (record,) = store.read(Path(out))
    return [e["seconds"] for e in record["steps"][0]["history"][1:]], record["cost"]["peak_memory_mb"]


def main() -> None:
    found: dict[str, tuple[list[float], list[float]]] = {way: ([], []) for way in WAYS}
    for _ in range(TIMES):
        for way, (seconds, peaks) in found.items():
            more, peak = epochs(way)
            seconds.extend(more)
            peaks.append(peak)
    median = {way: statistics.median(seconds) for way, (seconds, _) in found.items()}
    about = {
        "epoch_seconds": median,
        "peak_memory_mb": {way: max(peaks) for way, (_, peaks) in found.items()},
        "times_as_fast": {way: median["neither"] / seconds for way, seconds in median.items()},
    }
    write_atomically(store.results(Path.cwd()) / "cpu.json", json.dumps(about, indent=1) + "\n")
    print(json.dumps(about, indent=1))


if __name__ == "__main__":
    main()
