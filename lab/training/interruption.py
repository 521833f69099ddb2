"""SIGTERM, by which a run is asked to end: at once, but never between two halves of a step. No Keras."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.errors import Interrupted

AGAIN = 0.2  # seconds until what was raised is raised again: where an object ends, Python drops an exception
ALARM = getattr(signal, "SIGALRM", None)  # Windows has none


def listen() -> None:
    """From now on SIGTERM raises Interrupted; Ctrl-C, which reaches a terminal's whole group, is the runner's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)


def deaf() -> None:
    """From now on SIGTERM does nothing: the end has begun."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def held(unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """What is done inside is done to its end; a SIGTERM that came meanwhile is raised then, or at once where `unless`.

    Raises:
        Interrupted: one came.
    """
    if threading.current_thread() is not threading.main_thread():  # Python tells no other of signals
        yield
        return
    came = []

    def hold(*at: object) -> None:
        came.append(at)
        if unless():
            if ALARM:
                signal.setitimer(signal.ITIMER_REAL, AGAIN)
            raise Interrupted

    before = {number: signal.signal(number, hold) for number in (signal.SIGTERM, ALARM) if number}
    try:
        yield
    except Exception:  # which ours may have become, on its way through C++
        if not came:
            raise
    finally:
        if ALARM:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise Interrupted from None


def _interrupt(*_: object) -> None:
    raise Interrupted
