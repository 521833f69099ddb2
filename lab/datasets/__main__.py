"""`python -m lab.datasets`: lists the datasets."""

import sys
from functools import partial

from lab import command, listing

if __name__ == "__main__":
    main = partial(listing.main, "datasets")
    sys.exit(command.call(main))
