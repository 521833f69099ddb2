from dataclasses import dataclass

from lab.strategies import Strategy


@dataclass(frozen=True)
class Frozen(Strategy):
    """Trains nothing: target label i is read off the source's output i, so about chance.

    What the original lab called its base model. It says what the source knows of the target's
    numbering, which is nothing; `frozen_eep` asks what it knows of the target.
    """

    head = "source"
    trains = False

    def steps(self, net):
        yield from ()
