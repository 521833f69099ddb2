"""Which files of a data set cannot be read."""

from pathlib import Path

from lab.data.examined import Examined


def run(found: Examined, folder: Path) -> tuple[int, list[Path]]:
    """Prints a line for every unreadable file; (exit code 1 where there is one, the table's path)."""
    total = len(found.table) + len(found.broken)
    if not found.broken:
        print(f"{found.title}: all {total:,} images can be read")
        return 0, []
    for name, reason in found.broken.items():
        print(f"{name} {reason}")
    print(f"{found.title}: {len(found.broken):,} of {total:,} images cannot be read; --skip-corrupt leaves them out")
    import pandas as pd

    from lab.store import write_atomically

    path = folder / "broken.csv"
    write_atomically(path, pd.DataFrame(found.broken.items(), columns=["file", "reason"]).to_csv(index=False))
    return 1, [path]
