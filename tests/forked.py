"""A run's own process as the tests start it: forked of one that has imported Keras, which is most of its start.

Everything else about it is as ever: its memory is its own, it reads orders, and it may be killed.
"""

import os
import runpy
import signal
import sys
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import DEVNULL

import pytest

from lab.environment import import_keras
from lab.runs.process import environment_of_child

import_keras()
import lab.runs.execution  # noqa: E402, F401  what a run takes, read once

HERE = Path(__file__).parent
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


class Forked:
    """As much of a `subprocess.Popen` of `lab.runs.child` as a `Worker` needs."""

    def __init__(self, errors):
        orders, writing = os.pipe()
        reading, events = os.pipe()
        log = os.open(os.devnull, os.O_WRONLY) if errors == DEVNULL else os.dup(errors.fileno())
        ends = [Connection(number) for number in (orders, events, log)]  # which are handed over
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (HERE, HERE.parent))))
            forkserver.ensure_running()
        self.process = CONTEXT.Process(target=begin, args=(*ends, environment_of_child(), os.getcwd()))
        self.process.start()
        for end in ends:
            end.close()
        self.pid, self.stdin, self.stdout = self.process.pid, os.fdopen(writing, "w"), os.fdopen(reading)

    @property
    def returncode(self):
        return self.process.exitcode

    def poll(self):
        return self.process.exitcode

    def wait(self):
        self.process.join()
        return self.process.exitcode

    def kill(self):
        self.process.kill()

    def send_signal(self, number):
        os.kill(self.pid, number)


def begin(orders, events, errors, environment, folder):
    """Does what `python -m lab.runs.child` does, with these ends as its standard streams."""
    for number, end in enumerate((orders, events, errors)):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdin = os.fdopen(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    runpy.run_module("lab.runs.child", run_name="__main__")
