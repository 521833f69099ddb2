"""`python -m lab.channels`: lists the channel policies."""

import sys
from functools import partial

from lab import command, listing

if __name__ == "__main__":
    main = partial(listing.main, "channels")
    sys.exit(command.call(main))
