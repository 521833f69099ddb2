"""What is found out about a user's files: once, however many ask, while they are taken not to change.

Whoever resolves a run asks three times what lies in its folder, and a matrix of runs does for each. Outside `once()`
everything is looked up anew.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Found = TypeVar("Found")

_known: ContextVar[dict[Hashable, Any] | None] = ContextVar("known", default=None)


@contextmanager
def once() -> Iterator[None]:
    """While it lasts, what was found is found again; one within another is the other."""
    if _known.get() is not None:
        yield
        return
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def found(key: Hashable, find: Callable[[], Found]) -> Found:
    """What `find` gives, which the key tells from all else; it is not to be changed. An error is not remembered."""
    known = _known.get()
    if known is None:
        return find()
    if key not in known:
        known[key] = find()
    return known[key]


def forget() -> None:
    """Lets go of what was found: the files are read, and their memory is wanted for other things."""
    if (known := _known.get()) is not None:
        known.clear()
