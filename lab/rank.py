"""`python -m lab.rank`: scores backbones and their weights on a sample of the data, to choose before training."""

import argparse
import json
import math
import sys
from itertools import product
from pathlib import Path
from typing import Any

from lab import command, names
from lab.errors import BadInput
from lab.files import write_atomically
from lab.names import Between
from lab.networks.weights import at_hand
from lab.records import store
from lab.report import ranking
from lab.runs.arguments import add_choices, portable, split_commas, values
from lab.runs.spec import Resolved, Run, resolve_all
from lab.task import kind_of

Record = dict[str, Any]
TAKEN = (
    "dataset", "data_dir", "group", "drop_classes", "skip_corrupt", "limit", "bands", "channels", "contrast", "size",
)  # fmt: skip


def main(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    Between(2, 1_000_000).check("--sample", args.sample)
    strategy = str(names.build("strategies", args.strategy))
    root = command.root_of(args.out)
    wanted = resolve_all(asked(args), root)
    task = kind_of({"choices": wanted[0].choices})
    if task.labels != "classes" or task.reads != "features":
        raise BadInput(
            f"lab.rank takes data with one label an image; {wanted[0].dataset} is for {task.one}, and no score here is "
            "made for that: compare short runs of lab.run"
        )
    about = {"command": portable(argv).replace("lab.run", "lab.rank"), "sample": args.sample, "seed": args.seed}
    record = {**about, "strategy": strategy, "rows": scored(wanted, args.sample, root)}
    record = store.seal(ranking.compared(record, store.read(root)))
    show(record)
    path = ranking.path_of(root, record)
    write_atomically(path, json.dumps(record, indent=1, allow_nan=False) + "\n")
    print(f"wrote {path.relative_to(root)}")
    statuses = {row["status"] for row in record["rows"]}
    return 2 if "refused" in statuses else int(statuses != {"done"})


def parser() -> command.Parser:
    made = command.parser(
        "lab.rank",
        "Scores backbones and their weights on a sample of the training split, in seconds each, to choose before "
        "training. Of every score a higher one is better; lab/probes/transferability.py says what each is.",
    )
    made.add_argument("--backbones", metavar="X", help="a list of them; left out: all whose usual weights are here")
    made.add_argument(
        "--weights", metavar="X", help="as lab.run takes them: one source for all backbones, or a list of one for each"
    )
    add_choices(made, TAKEN)
    made.add_argument(
        "--sample", type=int, default=1000, metavar="N",
        help="about how many training examples, of all classes in their proportions (default: 1000)",
    )  # fmt: skip
    made.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the sample, the probe's folds and random weights"
    )
    made.add_argument(
        "--strategy", default="finetune", metavar="X",
        help="the scores are compared with the validation scores of its finished runs (default: finetune)",
    )  # fmt: skip
    command.add_out(made)
    return made


def asked(args: argparse.Namespace) -> list[Run]:
    """A run for each backbone with its weights and each size; none of them is trained.

    Raises:
        BadInput: a value is none that its choice takes, or sources and backbones do not pair.
    """
    backbones = here() if args.backbones is None else split_commas(args.backbones)
    if not backbones:
        raise BadInput("--backbones names none; `python -m lab.backbones` lists them, and whose weights are here")
    sources: list[str | None] = [None] if args.weights is None else [*split_commas(args.weights)]
    if len(sources) not in (1, len(backbones)):
        raise BadInput(
            f"--weights takes one source for all backbones, or one for each; received {len(sources)} for "
            f"{len(backbones)} backbones"
        )
    axes = {name: values(name, text) for name in TAKEN if (text := getattr(args, name)) is not None}
    sizes = axes.pop("size", [None])
    if several := [name for name, choice in axes.items() if len(choice) > 1]:
        raise BadInput(f"--{several[0].replace('_', '-')} takes one value; received {len(axes[several[0]])}")
    fixed = {name: choice[0] for name, choice in axes.items()}
    # images are decoded when they are asked for, as no more than a sample is
    fixed |= {"strategy": "extract", "image_cache": "none", "seed": args.seed}
    pairs = zip(backbones, sources * (len(backbones) // len(sources)), strict=True)
    return list(dict.fromkeys(Run(backbone=b, weights=w, size=size, **fixed) for (b, w), size in product(pairs, sizes)))


def here() -> list[str]:
    """The backbones whose usual weights are on this machine."""
    return [n for n in names.listing("backbones") if at_hand(names.find("backbones", n)()) != "no"]


def scored(wanted: list[Resolved], sample: int, root: Path) -> list[Record]:
    """A row for each, by LogME: choices, status, and scores (None where it is not done) or the error.

    Raises:
        BadInput: all of them are refused.
    """
    from lab.progress import Show
    from lab.runs.process import Worker, order_of
    from lab.runs.runner import STATUS, alike, cause

    rows = []
    with Show(len(wanted)) as progress, Worker() as worker:
        for r in wanted:
            choices = {
                name: r.choices[name] for name in (*ranking.FEATURES_OF, "dataset", "data", "weights", "precision")
            }
            progress.begin(f"{named(choices)}, {choices['data']}")
            order = {**order_of(r.run, root, "rank", "rank"), "sample": sample}
            code, end = worker.do(order, progress, None, alike(r))
            row = {"choices": choices, "status": STATUS.get(code, "failed"), "scores": None}
            if code:
                row["error"] = end.get("error") or f"the process ended with {cause(code)}"
            rows.append(row | end.get("record", {}))
            progress.end(f"{row['status']}: {row['error']}" if code else "scored")
    if all(row["status"] == "refused" for row in rows):
        raise BadInput(rows[0]["error"])
    return sorted(rows, key=lambda row: -row["scores"]["logme"] if row["scores"] else math.inf)


def named(choices: Record) -> str:
    return f"{choices['backbone']} from {choices['weights']}, {choices['size']} px"


def show(record: Record) -> None:
    """Prints the table, why cells are empty, and how well each score orders what finished runs reached."""
    print(ranking.rows(record))
    for row in record["rows"]:
        if reason := row.get("error") or row["no_classifier"]:
            what = "LEEP and NCE are n/a" if row["scores"] else row["status"]
            print(f"{named(row['choices'])}: {what}: {reason}")
    print(f"\n{ranking.agreement(record)}")


if __name__ == "__main__":
    sys.exit(command.call(main))
