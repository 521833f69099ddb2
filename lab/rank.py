"""`python -m lab.rank`: scores backbones and their weights on a sample of the data, to choose before training."""

import argparse
import json
import math
import sys
from itertools import product
from pathlib import Path
from typing import Any

from lab import command, names, store
from lab.errors import BadInput
from lab.names import Between
from lab.run import add_choices, portable, split_commas, values
from lab.spec import LATER, Resolved, Run, plain, resolve

Record = dict[str, Any]
TAKEN = (
    "dataset", "data_dir", "group", "drop_classes", "skip_corrupt", "limit", "bands", "channels", "contrast", "size",
)  # fmt: skip
# What features depend on: a finished run that agrees in all of it began with those that were scored.
FEATURES_OF = (
    "task", "data_fingerprint", "drop_classes", "limit", "bands", "channels", "contrast", "backbone",
    "weights_digest", "size",
)  # fmt: skip
SCORES = {"logme": "LogME", "h_score": "H-score", "leep": "LEEP", "nce": "NCE", "probe": "probe accuracy"}
ENOUGH = 3  # pairs: two agree by chance as often as not


def main(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    Between(2, 1_000_000).check("--sample", args.sample)
    strategy = str(names.build("strategies", args.strategy))
    root = command.root_of(args.out)
    wanted = [resolve(run, root) for run in asked(args)]
    if wanted[0].choices["task"] != "classification":
        raise BadInput(
            f"lab.rank takes data with one label an image; {wanted[0].dataset} has a label each pixel, and no score "
            "here is made for that: compare short runs of lab.run"
        )
    records = store.read(root)
    rows = scored(wanted, args.sample, root)
    for row in rows:
        row["validation"] = validation(row["choices"], records, strategy)
    found = correlations(rows)
    show(rows, found, strategy)
    path = store.results(root) / f"rank-{plain(wanted[0].choices['data'])}.json"
    about = {"command": portable(argv).replace("lab.run", "lab.rank"), "sample": args.sample, "seed": args.seed}
    record = store.seal({**about, "rows": rows, "strategy": strategy, "correlations": found})
    store.write_atomically(path, json.dumps(record, indent=1, allow_nan=False) + "\n")
    print(f"wrote {path.relative_to(root)}")
    statuses = {row["status"] for row in rows}
    return 2 if "refused" in statuses else int(statuses != {"done"})


def parser() -> command.Parser:
    made = command.parser(
        "lab.rank",
        "Scores backbones and their weights on a sample of the training split, in seconds each, to choose before "
        "training. Of every score a higher one is better; lab/transferability.py says what each is.",
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
    from lab.backbones.__main__ import at_hand

    return [n for n in names.listing("backbones") if at_hand(names.find("backbones", n)()) != "no"]


def scored(wanted: list[Resolved], sample: int, root: Path) -> list[Record]:
    """A row for each, by LogME: choices, status, and scores (None where it is not done) or the error.

    Raises:
        BadInput: all of them are refused.
    """
    from lab.process import INTERRUPTED, child, order_of
    from lab.progress import Show
    from lab.runner import STATUS, cause

    rows = []
    with Show(len(wanted)) as progress:
        for r in wanted:
            choices = {name: r.choices[name] for name in (*FEATURES_OF, "dataset", "data", "weights", "precision")}
            progress.begin(f"{named(choices)}, {choices['data']}")
            code, end = child({**order_of(r.run, root, "rank", "rank"), "sample": sample}, progress, None)
            if code == INTERRUPTED:
                raise KeyboardInterrupt
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


def validation(choices: Record, records: list[Record], strategy: str) -> Record | None:
    """The validation score, a mean over seeds, of the strategy's finished runs that began with these features.

    Of runs that differ in more than the seed, as in their budgets or rates, the best mean. None where there are none.
    """
    from lab.tasks import score

    groups: dict[str, Record] = {}
    for r in records:
        c = r["choices"]
        if r["status"] == "done" and c["strategy"] == strategy and features_of(c) == features_of(choices):
            groups.setdefault(r["group"], {})[r["digest"]] = r  # by digest: a run may be in two experiments
    means = [(sum(score(r, "val") for r in g.values()) / len(g), g) for g in groups.values()]
    if not means:
        return None
    best, runs = max(means, key=lambda pair: pair[0])
    return {"score": best, "runs": sorted(r["name"] for r in runs.values())}


def features_of(choices: Record) -> Record:
    return {name: choices.get(name, LATER.get(name)) for name in FEATURES_OF}


def correlations(rows: list[Record]) -> dict[str, Record]:
    """Of each score with the validation score: Kendall's tau, and the one that weighs the best rows most.

    The latter by Vigna 2015, https://arxiv.org/abs/1404.3325. From -1 to 1; None where there are fewer than `ENOUGH`
    pairs, or all of one side are equal.
    """
    from scipy.stats import kendalltau, weightedtau

    def tau(measure: Any, pairs: list[tuple[float, float]]) -> float | None:
        value = float(measure(*zip(*pairs, strict=True)).statistic) if len(pairs) >= ENOUGH else math.nan
        return None if math.isnan(value) else value

    both = [(row["scores"], row["validation"]["score"]) for row in rows if row["scores"] and row["validation"]]
    pairs = {name: [(scores[name], score) for scores, score in both if name in scores] for name in SCORES}
    return {
        name: {"pairs": len(found), "weighted_tau": tau(weightedtau, found), "tau": tau(kendalltau, found)}
        for name, found in pairs.items()
    }


def show(rows: list[Record], found: dict[str, Record], strategy: str) -> None:
    """Prints the table, why cells are empty, and how well each score orders what finished runs reached."""
    from tabulate import tabulate

    heads = ["backbone", "weights", "size", *SCORES.values(), "seconds", f"{strategy} val"]
    print(tabulate([cells(row) for row in rows], heads, disable_numparse=True))
    for row in rows:
        if reason := row.get("error") or row["no_classifier"]:
            what = "LEEP and NCE are n/a" if row["scores"] else row["status"]
            print(f"{named(row['choices'])}: {what}: {reason}")
    known = max(f["pairs"] for f in found.values())
    if known < ENOUGH:
        print(f"{known} of these rows have finished runs of {strategy}; a rank correlation takes {ENOUGH} or more")
        return
    print(f"\nrank correlation of each score with the validation score of finished runs of {strategy}\n")
    taus = [(SCORES[n], f["pairs"], number(f["weighted_tau"]), number(f["tau"])) for n, f in found.items()]
    print(tabulate(taus, ["score", "pairs", "Kendall's tau, weighted", "Kendall's tau"], disable_numparse=True))


def cells(row: Record) -> list[str]:
    """A line of the table."""
    c, scores, known = row["choices"], row["scores"], row["validation"]
    figures = [row["status"], *["-"] * len(SCORES)]
    if scores:
        figures = [*(number(scores.get(name), "n/a") for name in SCORES), f"{row['seconds']:.1f}"]
    return [c["backbone"], c["weights"], f"{c['size']} px", *figures, number(known and known["score"])]


def number(value: float | None, missing: str = "-") -> str:
    return missing if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(command.call(main))
