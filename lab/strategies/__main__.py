"""`python -m lab.strategies`: lists the strategies."""

import sys
from functools import partial

from lab import command, listing

if __name__ == "__main__":
    main = partial(listing.main, "strategies")
    sys.exit(command.call(main))
