"""`python -m lab.strategies`: lists the strategies."""

import sys
from functools import partial

from lab import command, listing

main = partial(listing.main, "strategies")

if __name__ == "__main__":
    sys.exit(command.call(main))
