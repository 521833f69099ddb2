"""`python -m lab.tasks`: lists the tasks."""

import sys
from functools import partial

from lab import command, listing

main = partial(listing.main, "tasks")

if __name__ == "__main__":
    sys.exit(command.call(main))
