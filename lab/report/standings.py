"""A panel of the page in HTML: the place of its curves, and beside it each contestant's score and how far it is apart.

Whatever came from a record is escaped.
"""

import re
from html import escape
from typing import Any

from lab.comparison.paired import LEVEL
from lab.comparison.verdict import Pair, Verdict
from lab.drawing import look
from lab.report import verdict as text
from lab.report.margins import chance, signed
from lab.report.margins import points as in_points
from lab.report.panels import Panel
from lab.report.pictures.curves import points
from lab.report.table import spread
from lab.task import score, score_name

MOST = 12  # contestants of which all pairs are shown
DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}  # as plotly calls matplotlib's lines,
SYMBOLS = {  # and its markers
    "o": "circle", "s": "square", "D": "diamond", "^": "triangle-up", "v": "triangle-down", "P": "cross", "X": "x",
    "*": "star",
}  # fmt: skip
STROKES = {"solid": "none", "dash": "6 3", "dot": "1.5 2.5", "dashdot": "6 2 1.5 2"}
SHAPES = {  # of the markers, about (0, 0), px
    "circle": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z", "square": "M-4,-4H4V4H-4Z", "diamond": "M0,-5L5,0L0,5L-5,0Z",
    "triangle-up": "M0,-5L5,4H-5Z", "triangle-down": "M0,5L5,-4H-5Z",
    "cross": "M-2,-5H2V-2H5V2H2V5H-2V2H-5V-2H-2Z", "x": "M-5,-3L-3,-5L0,-2L3,-5L5,-3L2,0L5,3L3,5L0,2L-3,5L-5,3L-2,0Z",
    "star": "M0,-6L1.5,-2H6L2.4,0.8L3.7,5L0,2.5L-3.7,5L-2.4,0.8L-6,-2H-1.5Z",
}  # fmt: skip
AGAINST = {"best": "the best", "base": "the best from scratch"}
FEW = 5  # contestants that a sentence names
WIDTH, HEIGHT = 92, 16  # of a drawn interval, px


def looks(panels: list[Panel]) -> dict[str, dict[str, str]]:
    """Colour, line and marker of each contestant, the same in all panels; first those that are in most of them."""
    names = [name for panel in panels for name in panel.contest.runs]
    ordered = sorted(set(names), key=lambda name: (-names.count(name), name))
    return {
        name: {"color": of["color"], "dash": DASHES[of["linestyle"]], "symbol": SYMBOLS[of["marker"]]}
        for name, of in ((name, look(i)) for i, name in enumerate(ordered))
    }


def panel(one: Panel, number: int, of: dict[str, dict[str, str]]) -> str:
    """A section with an empty place for its curves, and the table beside them."""
    title, called, height = escape(one.title), f"contest-{number}", min(600, max(380, 30 * len(one.contest.runs)))
    details = f"<details><summary>Places, pairs and costs</summary>{full(one.verdict)}</details>"
    return (
        f'<section class="panel" id="{called}" data-panel="{number}" aria-labelledby="{called}-title">'
        f'<h3 id="{called}-title">{title}</h3><p>{escape(lead(one))}</p><div class="beside">'
        f'<figure><div class="plot" style="height: {height}px" role="img" '
        f'aria-label="Curves of {title}; the scores are in the table"></div>'
        f"<figcaption><span data-lines>{escape(caption(one))}</span> <span data-note></span></figcaption></figure>"
        f'<div><div class="wide" tabindex="0" role="region" aria-label="Scores of {title}">{table(one, of)}</div>'
        f'<p class="note">{escape(said(one))}</p></div></div>{details if one.verdict else ""}</section>'
    )


def lead(one: Panel) -> str:
    """Who has the best score, and who may be as good."""
    best = f"{one.best} has {score_name(one.first)} {spread(_scores(one, one.best))} on the test split"
    if one.verdict is None:
        return f"{best}. {one.why}"
    ties = [name for name in one.contest.runs if (p := _pair(one.verdict, one.best, name)) and not p.counts]
    strange = [name for name in one.contest.runs if name != one.best and not _pair(one.verdict, one.best, name)]
    return f"{best}, the best of {len(one.contest.runs)}. " + " ".join([
        f"Cannot be told apart from it: {named(ties)}." if ties else "Nobody is tied with it.",
        *([f"Without a seed in common with it: {named(strange)}."] if strange else []),
    ])  # fmt: skip


def named(names: list[str]) -> str:
    """Contestants in a sentence; many are counted, since the table has them all."""
    return "; ".join(names) if len(names) <= FEW else f"{'; '.join(names[:FEW])} and {len(names) - FEW} more"


def caption(one: Panel) -> str:
    """What the lines and bands of the panel are."""
    curved = {name: len(runs) for name, runs in one.contest.runs.items() if _has_curve(one, name)}
    flat = [name for name in one.contest.runs if name not in curved]
    several = sorted({n for n in curved.values() if n > 1})
    parts = []
    if several:
        many = " or ".join(map(str, several))
        parts.append(
            f"Line: mean over {many} seeds, as far as all of them went. Band: ± 1 standard deviation over the seeds, "
            "which is no confidence interval."
        )
    if single := [name for name, n in curved.items() if n == 1]:
        whose = "all" if len(single) == len(curved) else named(single)
        parts.append(f"Of one seed, a plain line whose spread is not known: {whose}.")
    if flat:
        parts.append(f"Straight across, since they take no training steps: {named(flat)}.")
    return " ".join(parts)


def table(one: Panel, of: dict[str, dict[str, str]]) -> str:
    """A row a contestant, the best first: its look, score, seeds, and how it compares with the best and the base."""
    runs, v, base = one.contest.runs, one.verdict, one.base
    against = {"best": one.best} | ({"base": base} if base not in (None, one.best) else {}) if v else {}
    reach = {to: _reach(one, name) for to, name in against.items()}
    heads = [f'<th scope="col">{h}</th>' for h in ("contestant", f"test {escape(score_name(one.first))}", "seeds")]
    heads += [
        f'<th scope="col" colspan="3" data-to="{to}">points against {AGAINST[to]}, 95 % interval</th>' for to in against
    ]
    rows = []
    for i, name in enumerate(runs):
        cells = [
            f'<th scope="row"><label><input type="checkbox" checked data-contestant="{i}">'
            f"{swatch(of[name])}<span>{wrapped(name)}</span></label></th>",
            f'<td class="number">{spread(_scores(one, name))}</td><td class="number">{len(runs[name])}</td>',
            *(compared(v, other, name, to, reach[to]) for to, other in against.items() if v),
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    only = " data-only" if "base" not in against else ""
    return (
        f"<table class=standings{only}><thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def wrapped(name: str) -> str:
    """A name that may go on in the next line after a comma."""
    return re.sub(r"(,)", r"\1<wbr>", escape(name))


def swatch(of: dict[str, str]) -> str:
    """The line and the marker of a contestant, as they are drawn."""
    return (
        '<svg width="34" height="12" aria-hidden="true"><line x1="1" x2="33" y1="6" y2="6" stroke-width="3" '
        f'stroke="{of["color"]}" stroke-dasharray="{STROKES[of["dash"]]}"/>'
        f'<path transform="translate(17 6)" d="{SHAPES[of["symbol"]]}" fill="{of["color"]}"/></svg>'
    )


def compared(v: Verdict, with_: str, name: str, to: str, reach: tuple[float, float]) -> str:
    """Three cells: the difference with its interval, the interval drawn, the verdict."""
    pair = _pair(v, with_, name)
    if pair is None:
        same = "-" if name == with_ else "no seed in common"
        return f'<td data-to="{to}">{same}</td><td data-to="{to}"></td><td data-to="{to}"></td>'
    mean, low, high = signed(pair, with_)
    told = [in_points(value, pair.fractions) for value in (mean, low, high)]
    word = "tie" if not pair.counts else "above" if pair.better == name else "below"
    return (
        f'<td data-to="{to}" class="number">{told[0]} ({told[1]} to {told[2]})</td>'
        f'<td data-to="{to}" class="drawn">{interval(mean, low, high, reach, pair.counts)}</td>'
        f'<td data-to="{to}" title="p {escape(chance(pair.p))}">{word}</td>'
    )


def interval(mean: float, low: float, high: float, reach: tuple[float, float], sure: bool) -> str:
    """Drawn between the ends that all of a table have: a stroke from low to high, a dot at the mean, a line at none."""
    left, right = reach
    x, y = (lambda value: round(4 + (WIDTH - 8) * (value - left) / (right - left), 1)), HEIGHT // 2
    colour = "#1b1b1b" if sure else "#767676"
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f'<line x1="{x(0)}" x2="{x(0)}" y1="0" y2="{HEIGHT}" stroke="#999"/>'
        f'<line x1="{x(low)}" x2="{x(high)}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
        f'<circle cx="{x(mean)}" cy="{y}" r="3.5" fill="{colour if sure else "#fff"}" stroke="{colour}"/></svg>'
    )


def said(one: Panel) -> str:
    """What the table's figures are, and on what they rest."""
    several = any(len(runs) > 1 for runs in one.contest.runs.values())
    lines = ["± is 1 standard deviation over seeds."] if several else []
    return " ".join([*lines, *(_rests(one, one.verdict) if one.verdict else [])])


def _rests(one: Panel, v: Verdict) -> list[str]:
    other = "" if v.score_name == score_name(one.first) else f" of the {v.score_name}"
    what = "seeds and the" if v.noise.freedom else "the"
    many = f"all {len(v.pairs)} pairs" if len(v.pairs) > 1 else "one pair"
    return [
        f"Points{other}: 100 is all. Each interval is for its pair alone, over {what} {v.examples:,} test examples; "
        f"a tie is a p of {LEVEL:g} or more, corrected for {many} (Holm).",
        *([] if v.noise.freedom else ["One seed each: it holds for these networks, not for other seeds."]),
        *([f"The contestants differ in {', '.join(differ)}."] if (differ := v.contest.apart) else []),
    ]


def full(v: Verdict | None) -> str:
    """All that the verdict says, as `lab.compare` does."""
    if v is None:
        return ""
    tables = [text.contestants(v, style="html"), text.differences(v, len(v.reached) <= MOST, style="html")]
    sentences = "".join(f"<p>{escape(line)}</p>" for line in text.said(v).splitlines())
    return "".join(f'<div class="wide" tabindex="0">{t}</div><br>' for t in tables) + sentences


def _pair(v: Verdict, a: str, b: str) -> Pair | None:
    return next((p for p in v.pairs if {p.better, p.worse} == {a, b}), None)


def _reach(one: Panel, with_: str) -> tuple[float, float]:
    """From the lowest to the highest end of all intervals against a contestant, and of no difference."""
    pairs = [_pair(one.verdict, with_, name) for name in one.contest.runs] if one.verdict else []
    ends = [0.0, *(end for p in pairs if p for end in signed(p, with_)[1:])]
    return min(ends), max(ends) if max(ends) > min(ends) else min(ends) + 1.0


def _scores(one: Panel, name: str) -> list[float]:
    return [score(r, "test") for r in one.contest.runs[name].values()]


def _has_curve(one: Panel, name: str) -> bool:
    return any(points(r) for r in one.contest.runs[name].values())


def drawn(one: Panel, of: dict[str, dict[str, str]], at: dict[int, int]) -> dict[str, Any]:
    """What the script draws a panel of; `at` says which of the page's runs a record is, by its id."""
    return {
        "score": score_name(one.first),
        "contestants": [
            {"name": name, **of[name], "runs": [at[id(r)] for r in runs.values()]}
            for name, runs in one.contest.runs.items()
        ],
    }
