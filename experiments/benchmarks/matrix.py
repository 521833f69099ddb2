"""What does a matrix of short runs of one network and data cost, beside the same runs by a command each?

Nine runs on the embedded signs, three strategies under three seeds, two epochs each. One process does all runs of a
matrix, and has imported, read and traced what the next one needs; a command for each has a fresh one. Their weights are
compared: they must be the same to the bit.
"""

import tempfile
from pathlib import Path

from benchmarks import AT_MOST, Cost, Row, cost_of, row
from lab.records import store

STRATEGIES, SEEDS = ("scratch", "extract", "finetune"), 3
WORDS = ("-m", "lab.run", "--dataset", "signs", "--backbone", "cnn10", "--size", "32", "--epochs", "2")


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        whole = cost_of(*WORDS, "--strategy", ",".join(STRATEGIES), "--seeds", str(SEEDS), "--out", f"{place}/one")
        each = [
            cost_of(*WORDS, "--strategy", strategy, "--seeds", f"{seed},", "--out", f"{place}/each")
            for strategy in STRATEGIES
            for seed in range(SEEDS)
        ]
        ours, theirs = (weights(Path(place) / name) for name in ("one", "each"))
        if ours != theirs:
            raise SystemExit("runs of one process have other weights than runs of their own")
    apart = Cost(sum(c.wall for c in each), sum(c.cpu for c in each), max(c.peak for c in each))
    what, beside = f"a matrix of {len(each)} short runs, cnn10 at 32 px on signs", "a command for each"
    return [
        row(f"{what}, CPU time", "s", whole.cpu, beside, apart.cpu, (AT_MOST, 0.5)),
        row(what, "s", whole.wall, beside, apart.wall, (AT_MOST, 0.5)),
        row(f"{what}, memory at the most", "MB", whole.peak, beside, apart.peak),
    ]


def weights(root: Path) -> dict[str, str]:
    """The digest of each run's weights."""
    return {r["digest"]: r["net"]["weights_digest"] for r in store.read(root)}
