"""`python -m lab.losses`: lists the losses."""

import sys
from functools import partial

from lab import command, listing

main = partial(listing.main, "losses")

if __name__ == "__main__":
    sys.exit(command.call(main))
