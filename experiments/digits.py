"""Does the embedded source help on real images that look nothing like it?

Scikit-learn's handwritten digits, 8x8 grey, zoomed to 32 px on the device and repeated into three
bands; 1,078 training images, three seeds. About 6 minutes on 2 CPU cores.

    python -m lab.run experiments/digits.py
"""

from lab import matrix

RUNS = matrix(strategy=["scratch", "extract", "finetune"], dataset="digits", size=32, epochs=10, seeds=3)
