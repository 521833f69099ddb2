"""Does the lab work on this machine? The default run: finetune on few examples of each sign.

A real transfer, from the 72 emblems that the embedded source was trained on to 43 signs with ten
training examples a class. Well under two minutes on 2 CPU cores. Its records are not committed, so in a fresh
clone it really trains, and its row then appears in the README.

    python -m lab.run experiments/quickstart.py     # the same as: python -m lab.run
"""

from lab import matrix

RUNS = matrix()
