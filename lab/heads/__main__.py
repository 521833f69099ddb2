"""`python -m lab.heads`: lists the heads."""

import sys
from functools import partial

from lab import command, listing

main = partial(listing.main, "heads")

if __name__ == "__main__":
    sys.exit(command.call(main))
