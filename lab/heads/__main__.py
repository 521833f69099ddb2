"""`python -m lab.heads`: lists the heads."""

import sys
from functools import partial

from lab import command, listing

if __name__ == "__main__":
    main = partial(listing.main, "heads")
    sys.exit(command.call(main))
