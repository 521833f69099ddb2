"""`python -m lab.ensemble RUN RUN ...`: the mean prediction of finished runs, recorded as a run. No training."""

import sys
from pathlib import Path
from typing import Any

from lab import command
from lab.errors import BadInput
from lab.inference.ensembles import ensemble
from lab.records import store
from lab.report.table import named
from lab.runs.arguments import EXPERIMENT, portable
from lab.runs.spec import MEANS, check_name
from lab.task import goodness, score, score_name


def main(argv: list[str]) -> int:
    made = command.parser(
        "lab.ensemble", "Averages the answers of finished runs of one data set and records the result as a run."
    )
    made.add_argument("runs", metavar="RUN", nargs="*", help="finished runs (python -m lab.report --runs lists them)")
    made.add_argument(
        "--best", type=int, metavar="K", help="in place of RUNs: the K best of --experiment on validation"
    )
    made.add_argument("--experiment", metavar="X", help="where --best looks, and where the result is recorded")
    made.add_argument(
        "--mean",
        choices=MEANS,
        help="; ".join(f"{m}: {what}" for m, what in MEANS.items()) + "; left out: the first that suits",
    )
    made.add_argument("--name", metavar="X", help="the model's name in the table")
    made.add_argument(
        "--data-dir", metavar="X", help="folder or archive of the data, for runs that predict masks, where not embedded"
    )
    command.add_out(made)
    args = made.parse_args(argv)
    check_name(args.name)
    root = command.root_of(args.out)
    members = chosen(root, args.runs, args.best, args.experiment)
    experiment = args.experiment or EXPERIMENT
    store.prepare(root, experiment)
    words = portable(argv).replace("lab.run", "lab.ensemble")
    record = ensemble(root, members, args.mean, experiment, args.name, words, args.data_dir)
    name = score_name(record)
    print(f"validation {name} {score(record, 'val'):.4f}, test {name} {score(record, 'test'):.4f}")
    from lab import report

    report.rebuild(root, say=print)
    return 0


def chosen(root: Path, names: list[str], best: int | None, experiment: str | None) -> list[dict[str, Any]]:
    """The members' records. `best` reads validation only: the task's score first, then loss.

    Raises:
        BadInput: too few of them, unfinished ones, or runs of different data.
    """
    if bool(names) == (best is not None):
        raise BadInput("give the runs by name, or --best K with --experiment X")
    if best is not None:
        if experiment is None or best < 2:
            raise BadInput("--best takes 2 or more, with --experiment X to say among which runs")
        done = [r for r in store.read(root, experiment) if r["status"] == "done" and "members" not in r["choices"]]
        if len(of := sorted({f"{r['choices']['task']} of {named(r['choices'])}" for r in done})) > 1:
            more = f" and {len(of) - 3} more" if len(of) > 3 else ""
            raise BadInput(
                f"--best takes an experiment whose runs have learnt the same; {experiment} has "
                f"{', '.join(of[:3])}{more}; give the runs by name"
            )
        names = [r["name"] for r in sorted(done, key=lambda r: (-goodness(r, "val"), r["val"]["loss"]))[:best]]
    members = [store.finished(root, n) for n in dict.fromkeys(names)]
    if len(members) < 2:
        raise BadInput(f"an ensemble takes two finished runs or more; found {len(members)}")
    for r in members:
        if any(r["data"][of] != members[0]["data"][of] for of in ("digest", "classes")):
            raise BadInput(
                f"{r['name']} was made on other data than {members[0]['name']}; choose runs of one data set, and for "
                "masks of one size"
            )
    return members


if __name__ == "__main__":
    sys.exit(command.call(main))
