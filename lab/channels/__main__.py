"""`python -m lab.channels`: lists the channel policies."""

import sys
from functools import partial

from lab import command, listing

main = partial(listing.main, "channels")

if __name__ == "__main__":
    sys.exit(command.call(main))
