"""Prints what a folder of the lab offers; the four `python -m lab.<folder>` commands share it."""

from lab import command, names


def main(folder: str, argv: list[str]) -> int:
    command.parser(f"lab.{folder}", f"Lists the {folder}.").parse_args(argv)
    from tabulate import tabulate

    print(tabulate(names.table(folder), ["name", "what it is"]))
    return 0
