"""What is it worth that a run's process keeps the memory it frees?

Trains a UNet on MobileNetV2(alpha=0.35) on drawn scenes of 192 px, with glibc's malloc as it comes and as the lab
sets it (`KEEP_FREED_MEMORY` in lab/child.py), in turn and twice each, and compares the median epoch and the peak
memory. Writes results/allocator.json. Needs no data and no network; a quarter of an hour on 2 CPU cores that do
nothing else.

    python experiments/allocator.py
"""

import json
import statistics
import tempfile
from pathlib import Path

from lab import child, runner, store
from lab.spec import Run

RUN = Run(
    dataset="scenes(px=192)", backbone="MobileNetV2(alpha=0.35)", weights="none", strategy="scratch",
    head="unet(norm='batch')", batch_size=8, epochs=6, checks="none",
)  # fmt: skip
WAYS = {"glibc": {}, "kept": dict(child.KEEP_FREED_MEMORY)}
TIMES = 2


def epochs(way: str) -> tuple[list[float], float]:
    """Seconds of each epoch but the first, which compiles, and peak memory in MB of a run."""
    child.KEEP_FREED_MEMORY = WAYS[way]
    with tempfile.TemporaryDirectory() as out:
        runner.run_all([RUN], "allocator", Path(out), f"the allocator: {way}")
        (record,) = store.read(Path(out))
    return [e["seconds"] for e in record["steps"][0]["history"][1:]], record["cost"]["peak_memory_mb"]


def main() -> None:
    found = {way: ([], []) for way in WAYS}
    for _ in range(TIMES):
        for way, (seconds, peaks) in found.items():
            more, peak = epochs(way)
            seconds.extend(more)
            peaks.append(peak)
    median = {way: statistics.median(seconds) for way, (seconds, _) in found.items()}
    about = {
        "epoch_seconds": median,
        "peak_memory_mb": {way: max(peaks) for way, (_, peaks) in found.items()},
        "times_as_fast": median["glibc"] / median["kept"],
    }
    store.write_atomically(store.results(Path.cwd()) / "allocator.json", json.dumps(about, indent=1) + "\n")
    print(json.dumps(about, indent=1))


if __name__ == "__main__":
    main()
