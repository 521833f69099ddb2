"""With ten examples a class, what is a source task worth, and which way of using it is best?

All strategies at one budget (20 passes over 430 images) on `signs`, from the embedded source, five
seeds each. About 10 minutes on 2 CPU cores. Result: finetune is far ahead, extract beats scratch, and
even the untouched source, matched by counting, knows something; the figures are in the README.

    python -m lab.run experiments/transfer.py
"""

from lab import matrix

RUNS = [
    *matrix(strategy=["frozen", "frozen_eep"]),  # nothing random in them, so one seed
    *matrix(strategy=["scratch", "extract", "finetune"], seeds=5),
]
