"""Which files of a data set cannot be read, and which masks have labels of no class."""

from pathlib import Path

from lab.data.examined import Examined

SHOWN = 20  # masks of one class that are named


def run(found: Examined, folder: Path) -> tuple[int, list[Path]]:
    """Prints a line for every file that cannot be used; (exit code 1 where there is one, the table's path)."""
    total, wrong = len(found.table) + len(found.broken), found.broken | found.wrong
    for name, reason in wrong.items():
        print(f"{name} {reason}")
    what = "images and masks" if found.mask else "images"
    if found.broken:
        print(
            f"{found.title}: {len(found.broken):,} of {total:,} {what} cannot be read; --skip-corrupt leaves them out"
        )
    if found.wrong:
        print(
            f"{found.title}: {len(found.wrong):,} masks have labels of no class; correct them, or the list of classes"
        )
    if not wrong:
        print(f"{found.title}: all {total:,} {what} can be read")
    if found.mask:
        _tell_of_one_class(found)
    if not wrong:
        return 0, []
    import pandas as pd

    from lab.files import write_atomically

    path = folder / "broken.csv"
    write_atomically(path, pd.DataFrame(wrong.items(), columns=["file", "reason"]).to_csv(index=False))
    return 1, [path]


def _tell_of_one_class(found: Examined) -> None:
    """Prints which masks hold a single class: nothing may be wrong with them, or they were left empty."""
    rows = found.of_one_class
    if not len(rows):
        return
    for row in rows[:SHOWN]:
        held = [c for c, count in zip(found.classes, found.pixels[row], strict=True) if count]
        print(f"{found.table['id'][row]}: its mask is all {held[0] if held else 'ignored'}")
    if len(rows) > SHOWN:
        print(f"... and {len(rows) - SHOWN:,} more")
    print(f"{found.title}: {len(rows):,} of {len(found.table):,} masks hold one class only; that may be right")
