"""How fast is the lab beside bare Keras, beside the naive way and beside PyTorch, measured side by side in one run?

Each measure is a file of experiments/benchmarks, in a process of its own with a run's environment; what is compared
takes turns, and medians are given. Writes results/benchmark.json after each measure and goes on from there; named,
measures are made anew. Some hours on 2 CPU cores that do nothing else. Needs no data and no network; PyTorch and what
stands on it are measured where `pip install -e '.[benchmark]'` put them, or by the Python that $LAB_PEERS names.

    python experiments/benchmark.py                # what is not measured yet
    python experiments/benchmark.py steps start    # these anew

Where the time goes, by TensorFlow's profiler, of a training step of MobileNetV2(alpha=0.35) at 64 px, 128 images, on
2 cores: as Keras computes it, 171 ms of operations (122 by the clock), of which batch normalisation takes about 77,
in a dozen operations a layer (products 34, copies of what was summed over 10, squares 9, ...), each of which reads
and writes a whole map: that is what PyTorch was ahead by. In one operation (lab/layers/fused.py) it takes 24 of 118
(82 by the clock); the rest is gradients of kernels 19, of what convolutions read 14, of depthwise convolutions 22,
convolutions forward 13, ReLUs 8, and some 1,500 tiny operations of Adam. That no two operations run at a time, for
the sake of repeatability, makes the 82 about 91. A batch is put together and zoomed in a millisecond or two, beside
the step; so it is augmented, by the same two cores, so that the ratio cannot reach 1. Before the first step is done
nearly all time is tracing: of MobileNetV2's, Adam's formula was two thirds (thirty operations for each of 158
variables, those of its moments made in the graph, too), until it was one operation a variable.

In prediction, of MobileNetV2(alpha=0.35) at 96 px, 64 images on one core, operations took 36 ms: convolutions 18,
depthwise ones 8, batch norm and ReLUs behind these 4, zeros put around their maps 3. Folded (lab/layers/folded.py)
there are convolutions only, in three quarters of the time; what is folded is computed anew each time, in half a
millisecond, and takes a sixth of a second longer to trace.

Of a short job's 50 s of CPU time (2,000 JPEGs, two epochs): training steps 13, tracing steps, re-estimation and
evaluation 9, evaluations 6, batch norm re-estimated 4, importing 3, pages and pictures 3, a look at every file 2,
reading them 2, building the network 1.5. Most of a step are some 260 calls of oneDNN on small maps, in each of which
both cores wait for each other: on one core it takes a fifth less CPU time and a third more on the clock.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from lab.files import write_atomically

HERE = Path(__file__).parent
MEASURES = (
    "first_step", "steps", "short_job", "matrix", "whole_run", "peers", "networks", "features", "augmentation",
    "decoding", "zoom", "folder", "second_look", "growth", "start", "first_report", "exports", "gpu",
)  # fmt: skip


def main(words: list[str]) -> None:
    from benchmarks import said

    from lab.records import store
    from lab.runs.process import KEEP_FREED_MEMORY

    if unknown := set(words) - set(MEASURES):
        raise SystemExit(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    path = store.results(HERE.parent) / "benchmark.json"
    for number, name in enumerate(words or MEASURES, 1):
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if name in found and not words:
            continue
        print(f"{number} of {len(words or MEASURES)}: {name}", flush=True)
        made = said(str(HERE / "benchmark.py"), "--one", name, TF_CPP_MIN_LOG_LEVEL="3", **KEEP_FREED_MEMORY)
        for r in made["rows"]:
            print(f"  {r['what']}: {r['ours']:.4g} {r['unit']}, {r['beside']} {r['theirs']:.4g}, {r['ratio']:.3g}")
        if made["rows"]:
            device = made["environment"]["device"]
            found[name if device == "cpu" else f"{name} on {device}"] = made
            kept = dict(sorted(found.items(), key=lambda item: MEASURES.index(item[0].split()[0])))
            write_atomically(path, json.dumps(kept, indent=1) + "\n")


def one(name: str) -> dict[str, Any]:
    """The rows of one measure, and what it was measured with."""
    from lab.environment import environment, now

    began = time.perf_counter()
    rows = import_module(f"benchmarks.{name}").measure()
    return {"rows": rows, "seconds": time.perf_counter() - began, "environment": environment(), "finished": now()}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2])))
    else:
        main(sys.argv[1:])
