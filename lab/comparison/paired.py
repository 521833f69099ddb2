"""How sure a difference between runs is, on the same test examples and seeds. No Keras.

Two things make a score what it is by chance: which examples are in the test set, and the seed. The examples are
resampled, the same for all runs (the bootstrap: Efron 1979, https://doi.org/10.1214/aos/1176344552). The seeds are a
randomised block design: what runs differ by beyond what contestant and seed explain is the noise, one for all
contestants, with Student's t for so few (Fisher 1925; of two contestants it is the paired t-test). Why both:
Bouthillier et al. 2021, https://arxiv.org/abs/2103.03098
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from threadpoolctl import threadpool_limits

from lab.metrics.outcome import Outcome, scored

Array = np.ndarray
Scores = Mapping[str, Mapping[int, float]]  # of each contestant, by seed
DRAWS = 10_000
COUNTED = ("hit", "all")  # of an outcome
CHUNK = 3_000_000  # examples of all resamples that are counted at a time: 12 MB
BLOCK = 1 << 14  # of them, those that are drawn at a time: they stay in the processor's cache
WHOLE = 1 << 24  # below it float32 has every whole number
LEVEL = 0.05  # at which a difference counts
MOST_SEEDS = 10_000  # that are thought of


@dataclass(frozen=True)
class Noise:
    """Of the seeds: standard deviation of one run's score, and degrees of freedom; 0 of them where it is not known."""

    deviation: float
    freedom: int

    def of_mean(self, seeds: int) -> float:
        """Standard error of the mean difference between two contestants over so many seeds."""
        return self.deviation * float(np.sqrt(2 / seeds))


@dataclass(frozen=True)
class Difference:
    """Of two contestants' scores, the first less the second.

    Attributes:
        seeds: those that both have.
        mean: over them. low, high: its 95 % interval.
        p: that of no difference, two-sided, before any correction for several comparisons.
        examples: standard error that is due to the test examples.
    """

    seeds: tuple[int, ...]
    mean: float
    low: float
    high: float
    p: float
    examples: float


def resampled(outcomes: Sequence[Outcome], draws: int = DRAWS) -> Array:
    """Scores (R, draws) of R runs, all on the same resamples of the N test examples, drawn with replacement."""
    n = len(outcomes[0])
    hit, every = (np.concatenate([getattr(o, name) for o in outcomes], axis=1) for name in COUNTED)
    whole = bool((every == 1).all())  # as of every classification: then all resamples have n of them
    exact = "float32" if n * every.max() < WHOLE and (np.rint(hit) == hit).all() else "float64"
    counted = (hit if whole else np.concatenate([hit, every], axis=1)).astype(exact)
    chunk = max(1, CHUNK // n)
    starts = range(0, draws, chunk)
    with threadpool_limits(1):  # for so few runs threads wait for one another longer than they multiply
        sums = np.concatenate([_times(n, i, min(chunk, draws - i)).astype(exact) @ counted for i in starts])
    parts = sums.reshape(draws, -1, len(outcomes), outcomes[0].hit.shape[1])
    return np.ascontiguousarray(scored(parts[:, 0], np.array(n) if whole else parts[:, 1]).T)


@lru_cache(maxsize=32)
def _times(n: int, start: int, draws: int) -> Array:
    """How many times each of n examples is in each resample (draws, n) uint8; always the same ones."""
    rng, times, rows = np.random.default_rng([n, start]), np.empty((draws, n), "uint8"), max(1, BLOCK // n)
    first = n * np.arange(rows)[:, None]  # of each row's counts: many rows of few examples are counted at once
    for i in range(0, draws, rows):
        some = times[i : i + rows]
        drawn = rng.integers(n, size=some.shape) + first[: len(some)]
        some[...] = np.bincount(drawn.ravel(), minlength=some.size).reshape(some.shape)
    return times


def noise(scores: Scores) -> Noise:
    """What is left of the scores beyond a part of the contestant's and a part of the seed's own."""
    rows = [(i, s, value) for i, by_seed in enumerate(scores.values()) for s, value in by_seed.items()]
    seeds = sorted({s for _, s, _ in rows})
    design = np.zeros((len(rows), len(scores) + len(seeds)))
    for row, (i, s, _) in enumerate(rows):
        design[row, [i, len(scores) + seeds.index(s)]] = 1
    values = np.array([value for _, _, value in rows])
    fitted, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    freedom = len(rows) - int(rank)
    if not freedom:
        return Noise(0.0, 0)
    return Noise(float(np.sqrt(((values - design @ fitted) ** 2).sum() / freedom)), freedom)


def difference(
    a: Mapping[int, tuple[float, Array]], b: Mapping[int, tuple[float, Array]], of_seeds: Noise, seed: int = 0
) -> Difference:
    """Of two contestants' runs by seed, each as its score and its scores (draws,) on resamples of the examples.

    The interval is that of the resamples' mean differences, each moved by a draw of the seeds' noise.
    """
    from scipy.special import stdtr  # the t distribution; scipy.stats takes a second to import

    seeds = tuple(sorted(set(a) & set(b)))
    mean = float(np.mean([a[s][0] - b[s][0] for s in seeds]))
    drawn = np.mean([a[s][1] - b[s][1] for s in seeds], axis=0)
    error = float(drawn.std())
    if scale := of_seeds.of_mean(len(seeds)):
        below = float(stdtr(of_seeds.freedom, -drawn / scale).mean())
        drawn = drawn + scale * np.random.default_rng(seed).standard_t(of_seeds.freedom, len(drawn))
    else:
        below = float((drawn < 0).sum() + 0.5 * (drawn == 0).sum() + 0.5) / (len(drawn) + 1)  # never 0: so few drawn
    low, high = np.quantile(drawn, [LEVEL / 2, 1 - LEVEL / 2])
    return Difference(seeds, mean, float(low), float(high), min(1.0, 2 * min(below, 1 - below)), error)


def mcnemar(fixed: int, broken: int) -> float:
    """Exact two-sided p that as many examples are fixed as broken; McNemar 1947, https://doi.org/10.1007/BF02295996."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5)))


def holm(p: Sequence[float]) -> list[float]:
    """The p of several comparisons, corrected for being several; Holm 1979, https://www.jstor.org/stable/4615733."""
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate([p[i] * (len(p) - k) for k, i in enumerate(order)])
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1.0)
    return corrected.tolist()


def needed(d: Difference, of_seeds: Noise, comparisons: int) -> tuple[int | None, float]:
    """(with how many seeds, or with how many times the test examples) such a difference would count.

    Among so many comparisons; the number of seeds is None where no number of them would do on these examples.
    """
    from scipy.special import ndtri, stdtrit

    level = LEVEL / comparisons / 2
    times = float((ndtri(level) * d.examples / d.mean) ** 2)
    if not of_seeds.freedom:
        return None, times
    n = np.arange(len(d.seeds) + 1, MOST_SEEDS)
    freedom = of_seeds.freedom / max(1, len(d.seeds) - 1) * (n - 1)  # each further seed brings as much again
    error = np.hypot(of_seeds.deviation * np.sqrt(2 / n), d.examples)
    enough = n[-stdtrit(freedom, level) * error < abs(d.mean)]
    return (int(enough[0]) if len(enough) else None), times
