"""How long until a command answers: `--help`, and tables and comparisons over 1,000 records?

The records are the committed ones, as often as it takes, each time as other experiments. All pictures are drawn before
the clock runs; the first report of a machine judges every comparison, later ones read what is kept.
"""

import shutil
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import AT_MOST, HERE, Row, row, timed_command
from lab import report
from lab.records import outcomes, store

RECORDS, TIMES = 1_000, 5
HELP, ANSWER = 0.3, 2.0  # seconds that are aimed at


def measure() -> list[Row]:
    helped = median(timed_command("-m", "lab.run", "--help")[0] for _ in range(TIMES))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        count = filled(root)
        report.rebuild(root)
        shutil.rmtree(store.cache(root, "verdicts"), ignore_errors=True)
        commands = {"report": ["lab.report"], "compare": ["lab.compare", "scratch", "finetune", "--on", "gtsrb"]}
        rows = [row("python -m lab.run --help", "s", helped, "the aim", HELP, (AT_MOST, 1.0))]
        for name, words in commands.items():
            words = ["-m", *words, "--out", folder]
            first = timed_command(*words)[0]
            again = median(timed_command(*words)[0] for _ in range(TIMES))
            rows.append(row(f"{name} on {count:,} records", "s", again, "the aim", ANSWER, (AT_MOST, 1.0)))
            rows.append(row(f"{name} on {count:,} records, for the first time", "s", first, "the aim", ANSWER))
    return rows


def filled(root: Path, records: int = RECORDS) -> int:
    """Copies README, pictures and records into a folder, these under other names until they are so many."""
    top = HERE.parent
    for name in ("img", "experiments"):
        shutil.copytree(top / name, root / name)
    shutil.copy(top / "README.md", root)
    committed, count, round_ = store.read(top), 0, 0
    while count < records:
        for record in committed[: records - count]:
            copy = record | ({"experiment": f"{record['experiment']}_{round_}"} if round_ else {})
            store.write(root, copy)
            if (beside := outcomes.path_of(top, record)).exists():
                shutil.copy(beside, outcomes.path_of(root, copy))
            count += 1
        round_ += 1
    return count
