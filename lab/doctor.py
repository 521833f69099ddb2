"""`python -m lab.doctor`: looks for the usual mistakes, before a run, and says what to do about each."""

import sys

from lab import command
from lab.runs.arguments import asked, parser


def main(argv: list[str]) -> int:
    args = parser(
        "lab.doctor", "Looks for the usual mistakes; takes what lab.run takes, and trains nothing that lasts."
    ).parse_args(argv)
    _, runs, _ = asked(args)
    from lab.runs import runner

    found = runner.diagnose(runs, command.root_of(args.out))
    print(f"{len(found)} {'finding' if len(found) == 1 else 'findings'}" if found else "nothing found")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(command.call(main))
