"""What all layouts of GTSRB share: the names of its classes, and where it comes from."""

from lab.datasets.signs import SIGNS

CLASSES = tuple(name for name, _, _ in SIGNS)  # `signs` draws the same 43, in the benchmark's order
FETCH = "python -m lab.download gtsrb --to FOLDER"
