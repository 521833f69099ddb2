"""Examples dealt into train, val and test: as they come, or by a fixed, stratified draw of whole groups."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lab.errors import BadInput

Array = np.ndarray
SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}
EACH = 20  # the fewest that these shares divide
WORDS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "tst"),
}


def split_called(word: str) -> str | None:
    """`train`, `val` or `test` for one of the words that mean it; None for any other."""
    return next((split for split, known in WORDS.items() if word.lower() in known), None)


def strata(labels: Array) -> Array:
    """Whole numbers (N,) by which a draw is stratified: labels that are classes, or of numbers (N, P) tenths of the
    first; of few numbers larger parts, each of which can be dealt 70 / 15 / 15.
    """
    if labels.ndim == 1:
        return labels
    parts = min(10, max(1, len(labels) // EACH))
    edges = np.quantile(labels[:, 0], np.arange(1, parts) / parts)
    return np.searchsorted(edges, labels[:, 0])


def dealt(labels: Array, groups: Array, given: Sequence[str | None], what: str) -> dict[str, Array]:
    """The indices of each split: given ones are kept, and what is missing is drawn from the training split.

    Without any, 70 % / 15 % / 15 %; a missing val or test is 15 % of the training split. A group stays whole.

    Args:
        labels: (N,) whole numbers.
        groups: (N,) whole numbers; examples of one scene, patient or track share theirs.
        given: the split of each example, or None for all of them.

    Raises:
        BadInput: only some examples have a split, none is for training, or groups are too few.
    """
    splits = np.array([s or "" for s in given])
    there = sorted(set(splits.tolist()))
    if there == [""]:
        return drawn(np.arange(len(labels)), labels, groups, SHARES, what)
    if "" in there:
        raise BadInput(f"{what}: some examples have a split and some have none; give all of them one, or none")
    if "train" not in there:
        raise BadInput(f"{what} has no training split, only {' and '.join(there)}; name one of them train")
    parts = {split: np.flatnonzero(splits == split) for split in there}
    missing = [split for split in SHARES if split not in there]
    if missing:
        shares = {"train": 1 - sum(SHARES[m] for m in missing)} | {m: SHARES[m] for m in missing}
        parts |= drawn(parts["train"], labels, groups, shares, what)
    return parts


def drawn(among: Array, labels: Array, groups: Array, shares: dict[str, float], what: str) -> dict[str, Array]:
    """Deals the examples `among` into splits so that each has its share of every class, a group at a time.

    Largest groups first, each into the split that has the least of what the group holds; among
    groups of one size the order is a fixed shuffle.

    Raises:
        BadInput: there are fewer groups than splits.
    """
    names, order = list(shares), np.random.default_rng(0).permutation(among)
    members: dict[int, list[int]] = {}
    for i in order.tolist():
        members.setdefault(int(groups[i]), []).append(i)
    if len(members) < len(names):
        raise BadInput(
            f"{what} has {len(members)} {'group' if len(members) == 1 else 'groups'} to be dealt into "
            f"{', '.join(names)}; give more, or another --group"
        )
    classes = labels.tolist()
    totals = Counter(classes[i] for i in order.tolist())
    wanted = [{c: share * n for c, n in totals.items()} for share in shares.values()]
    lack = [dict.fromkeys(totals, 1.0) for _ in names]  # of what a split wants of each class
    have = [dict.fromkeys(totals, 0) for _ in names]
    parts: list[list[int]] = [[] for _ in names]
    for own in sorted(members.values(), key=len, reverse=True):  # mostly of one example: arrays would take longer
        held = Counter([classes[i] for i in own]) if len(own) > 1 else {classes[own[0]]: 1}
        gain = [round(1e9 * sum([of[c] * n for c, n in held.items()])) for of in lack]
        chosen = gain.index(max(gain))
        for c, n in held.items():
            have[chosen][c] += n
            lack[chosen][c] = (wanted[chosen][c] - have[chosen][c]) / wanted[chosen][c]
        parts[chosen] += own
    return {n: np.sort(np.array(p, "int64")) for n, p in zip(names, parts, strict=True)}


def united(*kinds: Sequence[str], pairs: Sequence[tuple[int, int]] = ()) -> Array:
    """Numbers of groups (N,), such that examples alike in any of the kinds share theirs; "" is like nothing.

    So do both examples of each of the `pairs`.
    """
    above = list(range(len(kinds[0])))  # an example before it in its group, or itself: SciPy takes longer to import

    def first(i: int) -> int:
        while above[i] != i:
            above[i] = i = above[above[i]]
        return i

    def unite(i: int, j: int) -> None:
        low, high = sorted((first(i), first(j)))
        above[high] = low

    for i, j in pairs:
        unite(i, j)
    for words in kinds:
        known: dict[str, int] = {}
        for i, word in enumerate(words):
            if word:
                unite(i, known.setdefault(word, i))
    return np.unique([first(i) for i in range(len(above))], return_inverse=True)[1]
