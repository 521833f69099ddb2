"""The original's zoomed rows: NASNetMobile on GTSRB at 256 px, for a machine with a GPU.

Each of the original's four strategies on images zoomed eightfold. On a CPU an epoch takes hours, so
without a GPU these rows are recorded as unavailable, and taken up by the same command where there is one.

    python -m lab.run experiments/gtsrb_256.py --data-dir gtsrb
"""

from lab import matrix

ZOOMED = {"dataset": "gtsrb", "backbone": "NASNetMobile", "weights": "imagenet", "size": 256, "device": "gpu"}
ORIGINALS = {
    "batch_size": 128, "learning_rate": 1e-3, "schedule": "constant", "augment": "none", "keep": "last", "epochs": 10,
}  # fmt: skip
CLASSIFIER = {"head": "maxpool_mlp", **ZOOMED, **ORIGINALS}
RUNS = [
    *matrix(name="base_NASNetMobile_zoom_data", strategy="frozen", **ZOOMED),
    *matrix(
        name="NASNetMobile_zoom_data", strategy="scratch", watch="test", bn=["sound", "keras"], **ZOOMED, **ORIGINALS
    ),
    *matrix(name="base_NASNetMobile_with_classifier_zoom_data", strategy="extract", **CLASSIFIER),
    *matrix(name="NASNetMobile_with_classifier_zoom_data", strategy="finetune", **CLASSIFIER),
]
