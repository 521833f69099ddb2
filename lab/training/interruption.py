"""SIGTERM, by which a run is asked to end: at once, but never between two halves of a step. No Keras."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lab.errors import Interrupted


def listen() -> None:
    """From now on SIGTERM raises Interrupted; Ctrl-C, which reaches a terminal's whole group, is the runner's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)


def deaf() -> None:
    """From now on SIGTERM does nothing: the end has begun."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def held() -> Iterator[None]:
    """What is done inside is done to its end; a SIGTERM that came meanwhile is raised then.

    Raises:
        Interrupted: one came.
    """
    if threading.current_thread() is not threading.main_thread():  # Python tells no other of signals
        yield
        return
    came = []
    before = signal.signal(signal.SIGTERM, lambda *at: came.append(at))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if came:
        raise Interrupted


def _interrupt(*_: object) -> None:
    raise Interrupted
