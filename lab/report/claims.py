"""Sentences of the pages that are marked as claims, and what the records say of them.

`<!-- claim: finetune > scratch on gtsrb size=32 -->` is true where, in every comparison that `python -m lab.compare
finetune scratch --on gtsrb size=32` makes, the first is better and the two can be told apart, over several seeds;
`<!-- claim: lpft ~ l2sp on signs -->` where they cannot.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lab.comparison.contestants import contests, meant
from lab.comparison.kept_verdicts import judge
from lab.comparison.verdict import Verdict
from lab.errors import BadInput
from lab.records import store
from lab.report.margins import DRAWS, chance, points
from lab.report.verdict import titles

Record = dict[str, Any]
CLAIM = re.compile(r"<!--\s*claim:(.*?)-->", re.DOTALL)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)  # says how a claim is written, and claims nothing
FORM = re.compile(r"(\S+)\s+([>~])\s+(\S+)(?:\s+on\s+(\S.*))?", re.DOTALL)


def wrong(root: Path, records: list[Record]) -> list[str]:
    """The claims of all pages that are not true, a line each, with what is."""
    against = cache(lambda claim: list(_against(root, records, claim)))  # the same stands on several pages
    return [line for path in _pages(root) for line in _of_page(root, against, path)]


def _pages(root: Path) -> list[Path]:
    """README.md, those of the results, and the guides."""
    found = [root / "README.md", *store.results(root).glob("README.md"), *store.results(root).glob("*/README.md")]
    return [path for path in [*sorted(found), *sorted((root / "docs").rglob("*.md"))] if path.exists()]


def _of_page(root: Path, against: Callable[[str], list[str]], path: Path) -> Iterator[str]:
    text = CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), path.read_text(encoding="utf-8", errors="replace"))
    for match in CLAIM.finditer(text):
        claim, line = " ".join(match[1].split()), text.count("\n", 0, match.start()) + 1
        for why in against(claim):
            yield f"{path.relative_to(root).as_posix()} line {line} claims {claim}: {why}"


def _against(root: Path, records: list[Record], claim: str) -> Iterator[str]:
    """What speaks against a claim."""
    form = FORM.fullmatch(claim)
    if not form:
        yield "a claim reads A > B, or A ~ B, and may end with `on` and words that lab.compare --on takes"
        return
    a, sign, b, on = form.groups()
    try:
        judged = judge(root, contests(records, [a, b], (on or "").split()), DRAWS)
    except BadInput as error:
        yield str(error)
        return
    for v, title in zip(judged, titles(judged), strict=True):
        if why := _unlike(v, meant(v.contest, a), sign):
            yield f"{why} ({title})"


def _unlike(v: Verdict, first: list[str], sign: str) -> str | None:
    """Why a verdict is not as claimed; None where it is."""
    if not v.noise.freedom:
        return "one seed each is not enough for a claim"
    for p in v.pairs:
        if (p.better in first) == (p.worse in first):
            continue  # the same from two sources
        by = points(p.difference.mean, p.fractions) + " points" * p.fractions
        seen = f"{p.better} is {by} above {p.worse}, p {chance(p.p)}"
        if sign == "~" and p.counts:
            return f"they can be told apart: {seen}"
        if sign == ">" and not p.counts:
            return f"they cannot be told apart: {seen}"
        if sign == ">" and p.better not in first:
            return f"it is the other way round: {seen}"
    return None
