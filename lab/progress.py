"""What a matrix of runs shows while it works: a live line in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PLAIN = 10.0  # seconds between two plain lines of one phase


class Show:
    """Receives a run's events and shows run k of n, phase, epoch, batch, loss and time left."""

    def __init__(self, runs: int, every: bool = False):
        """With `every`, checks that found nothing are shown, too."""
        self.every = every
        self.console = Console(highlight=False, soft_wrap=True)
        self.runs, self.k, self.began, self.last = runs, 0, time.monotonic(), 0.0
        self._first: tuple[float, int] | None = None  # when the phase's first step was reported, and which
        self.done: list[float] = []
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[what]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            console=self.console, transient=True, disable=not self.console.is_terminal,
        )  # fmt: skip
        self.task: TaskID | None = None

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *_):
        self.progress.stop()

    def begin(self, title: str) -> None:
        self.k += 1
        self.began = time.monotonic()
        left = (
            f", about {duration(sum(self.done) / len(self.done) * (self.runs - self.k + 1))} left" if self.done else ""
        )
        self.say(f"run {self.k} of {self.runs}{left}: {title}")

    def event(self, event: dict) -> None:
        kind = event["event"]
        if kind == "finding":
            self.say(f"  ! {event['what']}; why: {event['why']}; do: {event['do']}")
        elif kind == "looked" and self.every:
            self.say(f"  ok: {event['what']}")
        elif kind == "note":
            self._task(event["text"], None)
        elif kind == "step":
            if "score" in event:
                self._epoch(event)
            else:
                self._step(event)

    def end(self, text: str) -> None:
        self.done.append(time.monotonic() - self.began)
        if self.task is not None:
            self.progress.remove_task(self.task)
            self.task = None
        self.say(f"  {text} ({duration(self.done[-1])})")

    def say(self, text: str) -> None:
        self.console.print(escape(text))

    def _epoch(self, e: dict) -> None:
        self.say(
            f"  {e['phase']} epoch {e['epoch']}/{e['epochs']}: loss {e['loss']:.3f}, "
            f"validation loss {e['val_loss']:.3f}, score {shown(e['score'])} ({duration(e['seconds'])})"
        )

    def _step(self, e: dict) -> None:
        what = f"{e['what']} {e['step']}/{e['steps']}" if "what" in e else _batch(e)
        self._task(e["phase"], e["steps"], e["step"], what)
        if self._first is None:
            self._first = (time.monotonic(), e["step"])  # the steps before it compiled: no measure of the rest
        if not self.console.is_terminal and time.monotonic() - max(self.last, self._first[0]) > PLAIN:
            self.last = time.monotonic()
            rate = (self.last - self._first[0]) / max(e["step"] - self._first[1], 1)
            self.say(f"  {e['phase']} {what}, about {duration(rate * (e['steps'] - e['step']))} left in this phase")

    def _task(self, name: str, total: int | None, step: int = 0, what: str = "") -> None:
        description = f"run {self.k}/{self.runs} {name}"
        if self.task is None or self.progress._tasks[self.task].description != description:
            if self.task is not None:
                self.progress.remove_task(self.task)
            self.task = self.progress.add_task(description, total=total, what="")
            self._first = None
        self.progress.update(self.task, total=total, completed=step, what=what)


def _batch(e: dict) -> str:
    return f"epoch {e['epoch']} batch {e['step']}/{e['steps']} loss {e['loss']:.3f}"


@contextmanager
def over(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress over files, on standard error; gives the function to advance it by.

    A live bar in a terminal, a plain line every ten seconds elsewhere.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    began = last = time.monotonic()
    done = 0
    with Progress(
        TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.completed:,} of {task.total:,}"),
        TextColumn("left"), TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task(what, total=total)

        def advance(count: int) -> None:
            nonlocal done, last
            done += count
            progress.advance(task, count)
            if not console.is_terminal and (now := time.monotonic()) - last > PLAIN:
                last = now
                console.print(
                    escape(
                        f"{what}: {done:,} of {total:,}, about {duration((now - began) / done * (total - done))} left"
                    )
                )

        yield advance


def shown(score: float) -> str:
    """A score as it is read: three places, or of what is small or large four digits."""
    return f"{score:.3f}" if 0.01 <= abs(score) < 1000 or not score else f"{score:.4g}"


def duration(seconds: float) -> str:
    """3.2 s, 45 s, 12 min, 3.1 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
