"""Which way of transferring a network is the best at an equal budget, and which is the cheapest?

Every strategy on the embedded traffic signs (cnn10 from the embedded source) and on the real ones (MobileNetV2
(alpha=0.35) from ImageNet, at the 32 px that they have), against the same network from scratch, three seeds; those that
train have one budget of steps a data set, and the probes have none. `distill` is not here: it wants a finished run to
learn from, as `--strategy "distill(run='NAME')"`. `boosting` with its defaults, a thousand trees of six levels, would
take hours where each tree has a value for each of 43 classes in a leaf, and so would `logreg_gd` with its own.

    python -m lab.run experiments/strategies.py --data-dir gtsrb
"""

from lab import matrix

TRAINED = ["scratch", "extract", "lpft", "finetune", "gradual", "layer_decay", "l2sp", "last(stages=1)"]
TRAINED += ["last(stages=2)", "surgical(1)", "bn_only", "bitfit", "lora"]
PROBES = ["logreg", "ridge", "knn"]
SIGNS = {"dataset": "signs", "backbone": "cnn10"}
GTSRB = {"dataset": "gtsrb", "backbone": "MobileNetV2(alpha=0.35)", "weights": "imagenet", "size": 32}
GTSRB |= {"contrast": "standardize"}
RECIPE = {"batch_size": 64, "schedule": "onecycle", "label_smoothing": 0.1, "ema": 0.99, "learning_rate": 3e-3}
RUNS = [
    *matrix(strategy=TRAINED, epochs=10, seeds=3, **SIGNS),
    *matrix(strategy=[*PROBES, "logreg_gd", "boosting(iterations=200,depth=4)", "frozen_eep"], seeds=3, **SIGNS),
    *matrix(strategy=TRAINED, budget="600steps", seeds=3, **GTSRB, **RECIPE),
    *matrix(strategy=[*PROBES, "boosting(iterations=50,depth=4)", "logreg_gd(l2=0.1)"], **GTSRB),
]
