"""Which recipe suits the traffic signs? Chosen on the validation tracks, before experiments/gtsrb.py was run.

Short runs that each change one thing, judged by validation accuracy. Clear: a peak rate of 3e-3 for
MobileNetV2, not 1e-3 (0.80 and 0.66 after three epochs), and for `extract` a multiple of 1, not the
default of 10. Not clear, within two points for MobileNetV2 and half a point for cnn10, and in another
order when the runs were repeated: contrast standardised in the network, label smoothing with an average
of the weights, strong augmentation. experiments/gtsrb.py uses the first two of these, which a first
round of these runs favoured. About forty minutes on 2 CPU cores.

    python -m lab.run experiments/gtsrb_recipes.py --data-dir gtsrb32.zip
"""

from lab import matrix

PLAIN = {"dataset": "gtsrb", "batch_size": 64, "schedule": "onecycle"}
SMOOTH = {**PLAIN, "contrast": "standardize", "label_smoothing": 0.1, "ema": 0.99}
CNN10 = {"strategy": "scratch", "backbone": "cnn10", "epochs": 5, "learning_rate": 3e-3}
MOBILE = {"strategy": "finetune", "backbone": "MobileNetV2(alpha=0.35)", "size": 32, "epochs": 3}
EXTRACT = [f"extract(rate={rate})" for rate in (0.3, 1.0, 3.0, 10.0)]
RUNS = [
    *matrix(**{**MOBILE, **SMOOTH, "strategy": EXTRACT, "size": 64}, weights="imagenet", learning_rate=3e-3),
    *matrix(**MOBILE, **SMOOTH, weights="imagenet", learning_rate=[1e-3, 3e-3]),
    *matrix(**MOBILE, **{**SMOOTH, "contrast": "none"}, weights="imagenet", learning_rate=3e-3),
    *matrix(**CNN10, **PLAIN),
    *matrix(**CNN10, **PLAIN, contrast="standardize"),
    *matrix(**CNN10, **SMOOTH, augment=["light", "strong"]),
]
