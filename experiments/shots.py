"""How many examples is a pretrained network worth: from one a class to all, where do the strategies break even?

The embedded traffic signs (cnn10 from the embedded source) and the real ones (MobileNetV2(alpha=0.35) from ImageNet, at
32 px), from 1 example of each class to all, at one budget of steps for every number of examples, three seeds and two;
each seed draws examples of its own. Validation, which chooses the epoch, stays whole.

    python -m lab.run experiments/shots.py --data-dir gtsrb
"""

from lab import matrix

SIGNS = {"dataset": "signs(train=50)", "backbone": "cnn10", "shots": ["1", "3", "10", "all"], "seeds": 3}
GTSRB = {"dataset": "gtsrb", "backbone": "MobileNetV2(alpha=0.35)", "weights": "imagenet", "size": 32}
GTSRB |= {"contrast": "standardize", "seeds": 2}
RECIPE = {"batch_size": 64, "schedule": "onecycle", "label_smoothing": 0.1, "ema": 0.99, "learning_rate": 3e-3}
SHOTS = ["1", "5", "20", "100", "all"]
TRAINED = ["scratch", "extract", "finetune"]
PROBES = ["logreg", "ridge", "knn"]
RUNS = [
    *matrix(strategy=TRAINED, budget="400steps", **SIGNS),
    *matrix(strategy=PROBES, **SIGNS),
    *matrix(strategy=TRAINED, budget="300steps", shots=SHOTS, **GTSRB, **RECIPE),
    *matrix(strategy="logreg", shots=SHOTS[:3], **GTSRB),
    *matrix(strategy=PROBES[1:], shots=SHOTS, **GTSRB),
]
