"""`python -m lab.compare`: who wins among recorded runs, by how much, how sure, at what cost. No Keras."""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

from lab import command
from lab.comparison.contestants import contests, meant
from lab.comparison.kept_verdicts import judge
from lab.comparison.verdict import Pair, Verdict
from lab.errors import BadInput
from lab.records import store


def main(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    limits = {text: limit_of(text) for text in (args.within or "").split(",") if text}
    root = command.root_of(args.out)
    found = contests(store.read(root), args.who, args.on or [])

    from lab.report import verdict as text

    judged = judge(root, [replace(c, base=meant(c, args.against)[0]) for c in found] if args.against else found)
    for v, title in zip(judged, text.titles(judged), strict=True):
        print(f"{title}\n\n{text.contestants(v, limits)}\n\n{text.differences(v, args.pairs)}\n\n{text.said(v)}\n")
    if args.list or args.gallery:
        leave(root, args, *only_pair(judged))
    return 0


def only_pair(judged: list[Verdict]) -> tuple[Verdict, Pair]:
    """The one pair that was compared.

    Raises:
        BadInput: there were more.
    """
    if len(judged) > 1 or len(judged[0].pairs) > 1:
        raise BadInput(
            f"--list and --gallery show two contestants; received {len(judged)} comparisons of "
            f"{sum(len(v.reached) for v in judged)}: name two, and say with --on which comparison, or name two runs"
        )
    return judged[0], judged[0].pairs[0]


def leave(root: Path, args: argparse.Namespace, v: Verdict, pair: Pair) -> None:
    """Writes which examples changed, as a list and as a gallery.

    Raises:
        BadInput: that cannot be written, or the test examples are not here.
    """
    from lab.comparison import changed_examples

    if args.list:
        count = changed_examples.write(root, v, pair, Path(args.list))
        print(f"wrote {args.list}: the {count:,} test examples that changed")
    if args.gallery:
        from lab.records.original_data import tested
        from lab.report.changed import draw

        record = next(iter(v.contest.runs[pair.better].values()))
        draw(root, v, pair, tested(record, args.data_dir), Path(args.gallery))
        print(f"wrote {args.gallery}")


def parser() -> command.Parser:
    made = command.parser(
        "lab.compare",
        "Compares finished runs that are alike but for one choice, paired by seed and by test example: mean and "
        "spread, the difference with its 95 % interval (the bootstrap over test examples, Student's t over seeds), p "
        "corrected for the number of pairs (Holm), McNemar's test, ties, cost.",
    )
    made.add_argument(
        "who", metavar="X", nargs="*",
        help="strategies, models, heads, ... or FIELD=VALUE, as size=64; or names of runs, which are compared as they "
        "are; left out: all strategies",
    )  # fmt: skip
    made.add_argument(
        "--on", metavar="X", nargs="+",
        help="only runs of this experiment, data set, strategy, backbone, ... or FIELD=VALUE; all that are given hold",
    )  # fmt: skip
    made.add_argument(
        "--against", metavar="X", help="compare each with this one only, so that p is corrected for fewer pairs"
    )
    made.add_argument("--pairs", action="store_true", help="show all pairs; left out: of more than four, the best's")
    made.add_argument(
        "--within", metavar="X",
        help="also the best validation score within a budget: 60s, or 300steps, or a list; the runs had their own, and "
        "their rates were scheduled for it",
    )  # fmt: skip
    made.add_argument(
        "--list", metavar="FILE.csv", help="of two contestants: the test examples that one has right and the other not"
    )
    made.add_argument("--gallery", metavar="FILE.png", help="of two contestants: pictures of those that changed most")
    made.add_argument(
        "--data-dir", metavar="X", help="for --gallery: folder or archive of the data, where not embedded"
    )
    command.add_out(made)
    return made


def limit_of(text: str) -> dict[str, float]:
    """60s as {"seconds": 60}, 300steps as {"steps": 300}.

    Raises:
        BadInput: it is neither.
    """
    match = re.fullmatch(r"(\d{1,9})(s|steps?)", text)
    if not match:
        raise BadInput(f"--within takes seconds or steps, as 60s or 300steps; received {text}")
    return {"seconds" if match[2] == "s" else "steps": int(match[1])}


if __name__ == "__main__":
    sys.exit(command.call(main))
