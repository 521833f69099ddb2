"""`python -m lab.losses`: lists the losses."""

import sys
from functools import partial

from lab import command, listing

if __name__ == "__main__":
    main = partial(listing.main, "losses")
    sys.exit(command.call(main))
