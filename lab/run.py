"""`python -m lab.run`: trains, records, and rewrites the results table and the curves."""

import sys
from typing import Any

from lab import command
from lab.runs.arguments import asked, parser, portable, split_commas


def main(argv: list[str]) -> int:
    made = parser(
        "lab.run", "Trains, records, and rewrites the results table and the curves. Comma lists make a matrix of runs."
    )
    place = made.place("bookkeeping")
    place.add_argument(
        "--dry-run", action="store_true", help="time a few batches; print hours, memory and parameters of each run"
    )
    place.add_argument(
        "--track", metavar="X", help="tell each run to tensorboard, wandb or mlflow, or a list of them, in tracking/"
    )
    place.add_argument("--tensorboard", action="store_true", help="the same as --track tensorboard")
    place.add_argument(
        "--retry-failed", action="store_true", help="do again what failed before, and is else left alone"
    )
    args = made.parse_args(argv)
    track = [*split_commas(args.track or ""), *(["tensorboard"] if args.tensorboard else [])]
    root = command.root_of(args.out)
    experiment, runs, ensembles = asked(args)
    from lab import report
    from lab.records import store
    from lab.runs import runner

    if args.dry_run:
        return show_dry(runner.dry_run_all(runs, root))
    code = runner.run_all(runs, experiment, root, portable(argv), list(dict.fromkeys(track)), args.retry_failed)
    try:
        if ensembles:
            from lab.inference.ensembles import of_experiment

            code = max(code, of_experiment(root, experiment, ensembles, portable(argv)))
    finally:
        if store.read(root):  # refused runs leave nothing to report
            report.rebuild(root, say=print)
    return code


def show_dry(rows: list[dict[str, Any]]) -> int:
    from tabulate import tabulate

    table = [
        [r["run"], f"{r['hours']:.3f}", _memory(r["peak_memory_mb"]), f"{r['parameters']:,}", f"{r['trained']:,}"]
        for r in rows
    ]
    print(tabulate(table, ["run", "hours", "memory MB", "parameters", "trained"], disable_numparse=True))
    print(f"together {sum(r['hours'] for r in rows):.2f} hours, start of the processes aside")
    return 0


def _memory(mb: float | None) -> str:
    return "unknown" if mb is None else f"{mb:.0f}"


if __name__ == "__main__":
    sys.exit(command.call(main))
