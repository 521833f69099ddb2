"""`python -m lab.datasets`: lists the datasets."""

import sys
from functools import partial

from lab import command, listing

main = partial(listing.main, "datasets")

if __name__ == "__main__":
    sys.exit(command.call(main))
