"""What does the first report of 75 records cost, when nothing is drawn and nothing is kept, beside one that has it all?

The records are committed ones of four experiments, written as a user's own, of which every picture is shown: everything
is judged, 49 pictures are drawn. Beside it the second report, and the same figures drawn as matplotlib's guide has it,
by `savefig`: the drawing alone.
"""

import io
import shutil
import tempfile
from pathlib import Path

from benchmarks import AT_MOST, HERE, Row, cost_of, row
from lab.records import outcomes, store
from lab.report.pictures import candidates
from lab.report.table import OWN

EXPERIMENTS, TIMES = ("camvid", "choosing", "gtsrb", "scenes"), 3
AIM = 8.0  # CPU seconds


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        count = filled(root)
        first, again = [], []
        for _ in range(TIMES):
            for folder in ("img", ".cache"):
                shutil.rmtree(store.results(root) / folder, ignore_errors=True)
            shutil.rmtree(store.results(root) / OWN / "img", ignore_errors=True)
            first.append(cost_of("-m", "lab.report", "--out", place).cpu)
            again.append(cost_of("-m", "lab.report", "--out", place).cpu)
        plain = min(cost_of("-m", "benchmarks.first_report", place).cpu for _ in range(TIMES))
    what = f"the first report of {count} records, CPU time"
    return [
        row(what, "s", min(first), "the aim", AIM, (AT_MOST, 1.0)),
        row(what, "s", min(first), "its figures by savefig, no page", plain, (AT_MOST, 1.0)),
        row(f"the second report of {count} records, CPU time", "s", min(again), "the first", min(first)),
    ]


def filled(root: Path) -> int:
    """Writes the records, as a user's own, and what is beside them; says how many."""
    top, count = HERE.parent, 0
    for record in store.read(top):
        if record["experiment"] in EXPERIMENTS:
            copy = record | {"experiment": OWN}
            store.write(root, copy)
            if (beside := outcomes.path_of(top, record)).exists():
                shutil.copy(beside, outcomes.path_of(root, copy))
            count += 1
    return count


def by_savefig(root: Path) -> None:
    for picture in candidates(root, OWN, store.read(root)):
        picture.draw().savefig(io.BytesIO(), format="png", dpi=100)


if __name__ == "__main__":
    import sys

    by_savefig(Path(sys.argv[1]))
