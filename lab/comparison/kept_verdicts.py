"""Verdicts that were reached before, kept in results/.cache/verdicts: read again, not reached again. No Keras.

A file is named after the SHA-256 of all that its verdict depends on; one that is damaged, or another's, counts as none.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np

from lab import task
from lab.comparison import paired, verdict
from lab.comparison.contestants import Contest
from lab.comparison.paired import DRAWS
from lab.comparison.verdict import Verdict
from lab.errors import BadInput
from lab.files import digest, write_atomically
from lab.metrics import confusion
from lab.records import outcomes, store

BY = (verdict, paired, outcomes, confusion, task)  # modules that reach a verdict
MOST = 2000  # files; beyond them those that were written longest ago are removed


def judge(root: Path, contests: Sequence[Contest], draws: int = DRAWS) -> list[Verdict]:
    """The verdict on each contest, as `lab.comparison.verdict.judge` reaches it.

    Raises:
        BadInput: as there.
    """
    keys = [_key(root, contest, draws) for contest in contests]
    found = [_kept(root, key, contest) for key, contest in zip(keys, contests, strict=True)]
    new = [i for i, v in enumerate(found) if v is None]
    for i, v in zip(new, verdict.judge(root, [contests[i] for i in new], draws), strict=True):
        found[i] = v
        _keep(root, keys[i], v)
    if new:
        _remove_oldest(root)
    return [v for v in found if v is not None]


def _key(root: Path, contest: Contest, draws: int) -> str:
    """The digest of what the verdict depends on: what the judges read of each run, the question, and the judges."""
    runs = [
        [name, seed, r["choices"]["task"], r["data"]["splits"]["test"], r["test"], _digest(outcomes.path_of(root, r))]
        for name, by_seed in contest.runs.items() for seed, r in by_seed.items()
    ]  # fmt: skip
    return digest([_judges(), draws, contest.base, runs])


def _digest(path: Path) -> str | None:
    """Of a file's bytes; None where it cannot be read, of which the judges complain."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


@cache
def _judges() -> list[str | None]:
    return [np.__version__, *(_digest(Path(str(module.__file__))) for module in BY)]


def _path(root: Path, key: str) -> Path:
    return store.cache(root, "verdicts") / f"{key}.json"


def _keep(root: Path, key: str, v: Verdict) -> None:
    body = msgspec.to_builtins(replace(v, contest=Contest(None, {})), str_keys=True)  # whose records are at hand
    with suppress(BadInput):  # where nothing can be written, it is reached again the next time
        write_atomically(_path(root, key), json.dumps(store.seal({"key": key, "verdict": body})))


def _kept(root: Path, key: str, contest: Contest) -> Verdict | None:
    try:
        kept = json.loads(_path(root, key).read_bytes())
        if kept["key"] == key and store.is_sealed(kept):
            return replace(msgspec.convert(kept["verdict"], Verdict, str_keys=True), contest=contest)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return None


def _remove_oldest(root: Path) -> None:
    paths = list(store.cache(root, "verdicts").glob("*.json"))
    with suppress(OSError):  # another process may be removing them
        for path in sorted(paths, key=lambda p: p.stat().st_mtime)[:-MOST] if len(paths) > MOST else ():
            path.unlink()
