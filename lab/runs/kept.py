"""What a run's process keeps for the next run of its kind: the data as read, the network as traced."""

from collections.abc import Callable, Hashable

from lab.inputs.data import Data
from lab.networks.net import Net
from lab.networks.reuse import become


class Kept:
    """Nothing at first; then what the last run had. A run must find what it would have made itself, to the bit.

    Attributes:
        runs: how many this process has done.
    """

    def __init__(self) -> None:
        self.runs = 0
        self._data: tuple[Hashable, Data] | None = None
        self._net: Net | None = None

    def data(self, key: Hashable, read: Callable[[], Data]) -> Data:
        """What was read under the key last, or what is read now."""
        if self._data is None or self._data[0] != key:
            self._data = None  # first, so that memory need not hold both
            self._data = key, read()
        return self._data[1]

    def net(self, fresh: Net) -> Net:
        """The network of the last run with what a fresh one holds, if their layers are the same; else the fresh one."""
        if self._net is None or not become(self._net, fresh):
            self._net = fresh
        return self._net
