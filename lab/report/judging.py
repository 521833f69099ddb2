"""Verdicts on contests of a page, where the runs left what it takes to reach one."""

from pathlib import Path

from lab.comparison.contestants import Contest
from lab.comparison.kept_verdicts import judge
from lab.comparison.verdict import Pair, Verdict
from lab.errors import BadInput
from lab.report.margins import BASE, DRAWS, repeated


def judged(root: Path, contest: Contest) -> Verdict | str:
    """The verdict on all pairs, or why there is none."""
    if unknown := [
        r["name"] for r in contest.records if "digest" not in r.get("data", {}).get("splits", {}).get("test", {})
    ]:
        return f"not judged: the record of {unknown[0]} does not say what it was tested on"
    try:
        return judge(root, [contest], DRAWS)[0]
    except BadInput as error:
        return f"not judged: {str(error).replace(f'{root}/', '')}"


def against_scratch(root: Path, contest: Contest) -> dict[str, Pair]:
    """The pair of each with scratch, p corrected for those alone; of those with two seeds or more, if any has them."""
    if BASE not in contest.runs:
        return {}
    many = repeated(contest, BASE)
    seeds = set(contest.runs[BASE])
    some = {n: runs for n, runs in contest.runs.items() if seeds & set(runs)}
    chosen = many if len(many.runs) > 1 else Contest(contest.axis, some, BASE)
    if len(chosen.runs) < 2 or isinstance(v := judged(root, chosen), str):
        return {}
    return {(p.better if p.worse == BASE else p.worse): p for p in v.pairs}
