"""Who wins a contest, by how much and how sure: scores, paired differences, ties, cost. No Keras."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from lab.comparison import paired
from lab.comparison.contestants import Contest
from lab.comparison.paired import DRAWS, LEVEL, Difference, Noise
from lab.errors import BadInput
from lab.metrics.outcome import Outcome
from lab.records import outcomes
from lab.task import kind_of, score

Record = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two contestants, the better first.

    Attributes:
        p: corrected for the number of pairs.
        fixed, broken: test examples that the better has right and the other wrong, and the other way round: of each
            seed. Of a segmentation: images whose mIoU is higher, and lower.
        mcnemar: p that it is as many, of each seed; None of a segmentation.
        fractions: whether scores are fractions, whose differences are told in points.
    """

    better: str
    worse: str
    difference: Difference
    p: float
    fixed: list[int]
    broken: list[int]
    mcnemar: list[float] | None
    fractions: bool = True

    @property
    def counts(self) -> bool:
        """Whether they can be told apart."""
        return self.p < LEVEL


@dataclass(frozen=True)
class Verdict:
    """A contest, judged.

    Attributes:
        score_name: what the score is called.
        examples: how many test examples.
        reached: score of each contestant, by seed; the best on the mean first.
        noise: of the seeds.
        pairs: all that have a seed in common, in the contestants' order; with a base, those with it.
        sign: 1 where a higher score is better, -1 where a lower one is; differences are of what is better.
    """

    contest: Contest
    score_name: str
    examples: int
    reached: dict[str, dict[int, float]]
    noise: Noise
    pairs: list[Pair]
    sign: int = 1

    def scores(self, name: str) -> list[float]:
        return list(self.reached[name].values())

    def pair(self, a: str, b: str) -> Pair:
        return next(p for p in self.pairs if {p.better, p.worse} == {a, b})

    def rank(self, name: str) -> tuple[int, int]:
        """The best and the worst place that the contestant may have, its ties aside.

        Above all that it beats and below all that beat it; Mogstad et al. 2024, https://doi.org/10.1093/restud/rdad006
        """
        sure = [p for p in self.pairs if p.counts]
        above, below = (sum(getattr(p, end) == name for p in sure) for end in ("worse", "better"))
        return 1 + above, len(self.reached) - below

    @property
    def ties(self) -> list[list[str]]:
        """Groups, as large as can be, of which no two can be told apart; they may overlap."""
        if self.contest.base:
            return [[p.better, p.worse] for p in self.pairs if not p.counts]
        order = list(self.reached)
        found: list[tuple[int, int]] = []
        for i in range(len(order)):
            end = i + 1
            while end < len(order) and all(self._tied(order[k], order[end]) for k in range(i, end)):
                end += 1
            if end - i > 1 and (not found or end > found[-1][1]):
                found.append((i, end))
        return [order[i:end] for i, end in found]

    def _tied(self, a: str, b: str) -> bool:
        return any({p.better, p.worse} == {a, b} and not p.counts for p in self.pairs)

    @property
    def front(self) -> set[str]:
        """The contestants that no other beats at less training time; Pareto's front, of the means."""
        return undominated(
            {n: (self.sign * float(np.mean(self.scores(n))), self.cost(n, "train_seconds")) for n in self.reached}
        )

    def cost(self, name: str, what: str) -> float:
        """Mean over seeds of a figure of the records' cost."""
        return float(np.mean([r["cost"].get(what) or 0.0 for r in self.contest.runs[name].values()]))


def undominated(points: dict[str, tuple[float, float]]) -> set[str]:
    """Pareto's front of names with (score, cost): those that no other equals or beats in both and beats in one."""
    return {
        n for n, (score, cost) in points.items()
        if not any(s >= score and c <= cost and (s, c) != (score, cost) for s, c in points.values())
    }  # fmt: skip


def judge(root: Path, contests: Sequence[Contest], draws: int = DRAWS) -> list[Verdict]:
    """Reads what the runs did on the test examples, and compares all pairs, or each contestant with the base.

    Resamples of as many examples are drawn once for all contests.

    Raises:
        BadInput: that is missing or of other examples, or no two contestants have a seed in common.
    """
    read = [_read(root, contest) for contest in contests]
    alike: dict[tuple[int, ...], list[Outcome]] = {}
    for outcome in (o for _, of in read for by_seed in of.values() for o in by_seed.values()):
        alike.setdefault(outcome.hit.shape, []).append(outcome)
    drawn = {id(o): scores for of in alike.values() for o, scores in zip(of, paired.resampled(of, draws), strict=True)}
    return [_judged(contest, name, of, drawn) for contest, (name, of) in zip(contests, read, strict=True)]


def _read(root: Path, contest: Contest) -> tuple[str, dict[str, dict[int, Outcome]]]:
    """(what the score is called, outcomes of each contestant by seed, the best on the mean first)."""
    keys = [(name, seed) for name, runs in contest.runs.items() for seed in runs]
    score_name, found = outcomes.read(root, [contest.runs[name][seed] for name, seed in keys])
    of = dict(zip(keys, found, strict=True))
    each = {n: {s: of[n, s] for s in runs} for n, runs in contest.runs.items()}
    return score_name, dict(
        sorted(each.items(), key=lambda item: -np.mean([o.sign * o.score for o in item[1].values()]))
    )


def _judged(
    contest: Contest, score_name: str, of: dict[str, dict[int, Outcome]], drawn: dict[int, np.ndarray]
) -> Verdict:
    """The verdict on outcomes, by the scores (draws,) of each on resamples."""
    reached = {n: {s: o.score for s, o in by_seed.items()} for n, by_seed in of.items()}
    noise = paired.noise(reached)
    sign = next(iter(next(iter(of.values())).values())).sign
    runs = {
        n: {s: (sign * reached[n][s], sign * drawn[id(o)]) for s, o in by_seed.items()} for n, by_seed in of.items()
    }
    every = [pair for pair in combinations(of, 2) if contest.base in (None, *pair)]
    both = [(a, b) for a, b in every if set(runs[a]) & set(runs[b])]
    if not both:
        raise BadInput(f"{', '.join(of)} have no seed in common; run them with the same --seeds")
    differences = [paired.difference(runs[a], runs[b], noise) for a, b in both]
    corrected = paired.holm([d.p for d in differences])
    fractions = kind_of(contest.first).limit == 1.0
    pairs = [
        _pair(a, b, d, p, of[a], of[b], fractions) for (a, b), d, p in zip(both, differences, corrected, strict=True)
    ]
    examples = len(next(iter(next(iter(of.values())).values())))
    return Verdict(contest, score_name, examples, reached, noise, pairs, sign)


def _pair(
    a: str, b: str, d: Difference, p: float, of_a: dict[int, Outcome], of_b: dict[int, Outcome], fractions: bool
) -> Pair:
    if d.mean < 0:  # on the seeds that both have
        a, b, of_a, of_b, d = b, a, of_b, of_a, Difference(d.seeds, -d.mean, -d.high, -d.low, d.p, d.examples)
    change = [of_a[s].each - of_b[s].each for s in d.seeds]
    fixed, broken = [int((c > 0).sum()) for c in change], [int((c < 0).sum()) for c in change]
    labels = of_a[d.seeds[0]].truth is not None
    tested = [paired.mcnemar(*both) for both in zip(fixed, broken, strict=True)] if labels else None
    return Pair(a, b, d, p, fixed, broken, tested, fractions)


def within(record: Record, steps: int | None = None, seconds: float | None = None) -> float | None:
    """The best validation score of a run that was measured within so many steps or seconds of training; None: none.

    Its schedule was for the whole of its own budget: one of so many steps may well reach more.
    """
    kind = kind_of(record)
    done, taken, name, reached = 0, 0.0, kind.score, []
    for step in record["steps"]:
        began = taken
        for h in step.get("history", []):
            taken += h["seconds"]
            reached.append((done + h["steps"], taken, h[f"val_{name}"]))
        done, taken = done + step.get("steps", 0), max(taken, began + step["seconds"])
    reached.append((done, record["cost"]["train_seconds"], score(record, "val")))
    found = [v for n, t, v in reached if (steps is None or n <= steps) and (seconds is None or t <= seconds)]
    return max(found, key=lambda v: kind.sign * v, default=None)
