"""How well scores that are made before training order what training gave, from the records of `python -m lab.rank`."""

import json
import math
from pathlib import Path
from typing import Any

from tabulate import tabulate

from lab.errors import BadInput
from lab.files import digest
from lab.records import store
from lab.report.markdown import safe
from lab.runs.spec import LATER, plain
from lab.task import score

Record = dict[str, Any]
# What features depend on: a finished run that agrees in all of it began with those that were scored.
FEATURES_OF = (
    "task", "data_fingerprint", "drop_classes", "limit", "bands", "channels", "contrast", "backbone",
    "weights_digest", "size",
)  # fmt: skip
SCORES = {"logme": "LogME", "h_score": "H-score", "leep": "LEEP", "nce": "NCE", "probe": "probe accuracy"}
ASKED = ("sample", "seed", "strategy")  # beside the rows
ROW = {"choices", "scores", "status"}  # in every row
ENOUGH = 3  # pairs: two agree by chance as often as not


def path_of(root: Path, record: Record) -> Path:
    """Where a ranking is kept: in a file of its own for all that was asked, so that none takes another's place."""
    asked = [sorted(digest(row["choices"]) for row in record["rows"]), *(record[k] for k in ASKED)]
    return store.results(root) / f"rank-{plain(record['rows'][0]['choices']['data'])}-{digest(asked)[:8]}.json"


def read(root: Path) -> dict[str, Record]:
    """The rankings that were recorded, by the names of their files, in order.

    Raises:
        BadInput: names the file that is no ranking.
    """
    return {path.name: _read_one(path) for path in sorted(store.results(root).glob("rank-*.json"))}


def _read_one(path: Path) -> Record:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not a ranking: {str(error)[:100]}; remove it, or restore it") from None
    rows = record.get("rows") if isinstance(record, dict) else None
    if not isinstance(rows, list) or not rows or any(k not in record for k in ASKED):
        raise BadInput(f"{path} is not a ranking of this lab (rows, {', '.join(ASKED)}); remove it, or restore it")
    if not all(isinstance(row, dict) and set(row) >= ROW and isinstance(row["choices"], dict) for row in rows):
        raise BadInput(f"{path} is not a ranking of this lab: each row has {', '.join(sorted(ROW))}; restore it")
    return record


def compared(record: Record, records: list[Record]) -> Record:
    """The ranking beside what the runs that are finished now reached."""
    rows = [{**row, "validation": validation(row["choices"], records, record["strategy"])} for row in record["rows"]]
    return {**record, "rows": rows, "correlations": correlations(rows)}


def validation(choices: Record, records: list[Record], strategy: str) -> Record | None:
    """The validation score, a mean over seeds, of the strategy's finished runs that began with these features.

    Of runs that differ in more than the seed, as in their budgets or rates, the best mean. None where there are none.
    """
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


def rows(record: Record, style: str = "simple") -> str:
    """The table of what was scored, one a line, by LogME."""
    heads = ["backbone", "weights", "size", *SCORES.values(), "seconds", f"{record['strategy']} val"]
    return tabulate([_cells(row) for row in record["rows"]], heads, tablefmt=style, disable_numparse=True)


def agreement(record: Record, style: str = "simple") -> str:
    """The table of how each score correlates with what finished runs reached, or why there is none."""
    found, strategy = record["correlations"], record["strategy"]
    known = max(f["pairs"] for f in found.values())
    if known < ENOUGH:
        return f"{known} of these rows have finished runs of {strategy}; a rank correlation takes {ENOUGH} or more"
    heads = ["score", "pairs", "Kendall's tau, weighted", "Kendall's tau"]
    lines = [(SCORES[n], f["pairs"], _number(f["weighted_tau"]), _number(f["tau"])) for n, f in found.items()]
    return f"rank correlation of each score with the validation score of finished runs of {strategy}\n\n" + tabulate(
        lines, heads, tablefmt=style, disable_numparse=True
    )


def table(root: Path, records: list[Record]) -> str:
    """In Markdown, two tables a ranking: the scores, and how well they order what the records say."""
    parts = []
    for record in (compared(r, records) for r in read(root).values()):
        sizes = {row["sample"]["examples"] for row in record["rows"] if row["scores"]}
        data = safe(record["rows"][0]["choices"]["data"])
        about = f"{data}, a sample of {max(sizes, default=0):,} training examples, seed {record['seed']}:"
        parts += [about, rows(record, "github"), agreement(record, "github")]
    return "\n\n".join(parts) or "Nothing ranked yet: `python -m lab.rank`."


def _cells(row: Record) -> list[str]:
    c, scores, known = row["choices"], row["scores"], row["validation"]
    figures = [row["status"], *["-"] * len(SCORES)]
    if scores:
        figures = [*(_number(scores.get(name), "n/a") for name in SCORES), f"{row['seconds']:.1f}"]
    return [safe(c["backbone"]), safe(c["weights"]), f"{c['size']} px", *figures, _number(known and known["score"])]


def _number(value: float | None, missing: str = "-") -> str:
    return missing if value is None else f"{value:.3f}"
