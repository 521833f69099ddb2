"""`python -m lab.report`: rebuilds README tables and pictures from the records; --check says whether they agree."""

import sys
from typing import Any

from lab import command, report
from lab.errors import BadInput
from lab.records import store


def main(argv: list[str]) -> int:
    made = command.parser("lab.report", "Rebuilds README tables and pictures from the records, without Keras.")
    one = made.add_mutually_exclusive_group()
    one.add_argument("--check", action="store_true", help="change nothing; exit code 1 if anything is stale or edited")
    one.add_argument("--runs", action="store_true", help="list the recorded runs, whose names --weights run:NAME takes")
    one.add_argument(
        "--where",
        metavar="TEXT",
        help="which records a row of the results is of, by any text in it, as '0.711 ± 0.003'",
    )
    one.add_argument(
        "--page",
        action="append",
        metavar="X",
        help="write pages/X.html of an experiment, of several (X,Y) in one file, or of all, a file each: contests, "
        "curves, verdicts, runs",
    )
    one.add_argument("--svg", action="store_true", help="draw all pictures as SVG, too, beside the PNG, for a paper")
    command.add_out(made)
    args = made.parse_args(argv)
    root = command.root_of(args.out)
    if args.runs:
        for r in store.read(root):
            print(f"{r['status']:<12} {r['experiment']}/{r['name']}")
        return 0
    if args.where:
        return where(store.read(root), args.where)
    if args.page:
        from lab.report import page

        records = store.read(root)
        for experiments in page.asked(args.page, records):
            print(f"wrote {page.write(root, records, experiments).relative_to(root)}")
        return 0
    if not args.check:
        report.rebuild(root, say=print, svg=args.svg)
        return 0
    wrong = report.stale(root)
    for line in wrong:
        print(line)
    print(f"{len(wrong)} differences" if wrong else "README, pictures and records agree")
    return int(bool(wrong))


def where(records: list[dict[str, Any]], text: str) -> int:
    """Prints the rows that hold a text, and the records of each."""
    from lab.report import table

    found = table.sources(records, text)
    if not found:
        raise BadInput(f"no row of the results holds {text!r}; copy a figure or a name from README")
    for row, names in found:
        print("\n  ".join([row, *names]))
    return 0


if __name__ == "__main__":
    sys.exit(command.call(main))
