"""`python -m lab.tasks`: lists the tasks."""

import sys
from functools import partial

from lab import command, listing

if __name__ == "__main__":
    main = partial(listing.main, "tasks")
    sys.exit(command.call(main))
