"""Does a folder of 100,000 JPEGs train in flat memory, and does decoding keep the network busy?

Makes folders of 320 x 240 px JPEGs (a few hundred pictures, copied, each copy with other bytes behind
its end, so that no two files are equal) and trains on them from the disk: the same steps on 1,000 and
on 100,000 files, to compare peak memory; and MobileNetV2(alpha=0.35) at 96 px with the images decoded
for each batch and from memory, to compare the median epoch. Writes results/own_folder.json, and leaves alone
what is in it already. Needs 2 GB of disk; about half an hour on 2 CPU cores, most of it for looking at 100,000
files once and evaluating them.

    python experiments/own_folder.py
"""

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from lab.files import write_atomically
from lab.records import store

PICTURES, CLASSES, SHAPE = 300, 10, (320, 240)
FEW, MANY, STEPS = 1_000, 100_000, 200
BUSY = ["--backbone", "MobileNetV2(alpha=0.35)", "--size", "96", "--budget", "150steps"]


def pictures(shape: tuple[int, int] = SHAPE) -> list[bytes]:
    """JPEGs of smooth noise with a grain, about as large as photographs of that size are."""
    made = []
    for i in range(PICTURES):
        rng = np.random.default_rng(i)
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3)).astype("uint8"))
        image = np.asarray(coarse.resize(shape, Image.Resampling.BICUBIC)).astype("int16")
        grain = rng.normal(0, 6, image.shape)
        buffer = io.BytesIO()
        Image.fromarray(np.clip(image + grain, 0, 255).astype("uint8")).save(buffer, "JPEG", quality=85)
        made.append(buffer.getvalue())
    return made


def folder_of(count: int, root: Path, jpegs: list[bytes]) -> Path:
    """Class folders with `count` files in all."""
    folder = root / f"{count}_photos"
    for i in range(count):
        path = folder / f"class{i % CLASSES}" / f"{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpegs[i % PICTURES] + i.to_bytes(4, "big"))
    return folder


def run(folder: Path, root: Path, *words: str) -> dict:
    """A run's record; images are decoded for each batch unless the words say otherwise."""
    out = root / "-".join(["out", folder.name, *words]).replace("/", "_")
    flags = ["--dataset", str(folder), "--weights", "none", "--strategy", "scratch", "--checks", "none", *words]
    subprocess.run([sys.executable, "-m", "lab.run", *flags, "--out", str(out)], check=True)
    (record,) = store.read(out)
    return record


def main() -> None:
    """Measures what is not recorded yet; each part is written as soon as it is known."""
    path = store.results(Path.cwd()) / "own_folder.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        root, jpegs = Path(temporary), pictures()
        few = folder_of(FEW, root, jpegs)
        found["bytes_of_a_file"] = round(float(np.mean([len(j) for j in jpegs])))
        if "peak_memory_mb" not in found:
            steps = ["--backbone", "cnn10", "--size", "64", "--budget", f"{STEPS}steps", "--image-cache", "none"]
            folders = (few, folder_of(MANY, root, jpegs))
            found["peak_memory_mb"] = {f.name: run(f, root, *steps)["cost"]["peak_memory_mb"] for f in folders}
            write_atomically(path, json.dumps(found, indent=1) + "\n")
        if "epoch_seconds" not in found:
            seconds = {
                where: epoch_seconds(run(few, root, *BUSY, "--image-cache", where)) for where in ("none", "memory")
            }
            found |= {"epoch_seconds": seconds, "decoding_costs": seconds["none"] / seconds["memory"] - 1}
            write_atomically(path, json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def epoch_seconds(record: dict) -> float:
    """Median seconds of an epoch; the first, in which the network is traced, and the last, a short one, left out."""
    return float(np.median([epoch["seconds"] for epoch in record["steps"][0]["history"][1:-1]]))


if __name__ == "__main__":
    main()
