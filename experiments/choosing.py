"""Do scores that are made before training order sources and image sizes as fine-tuning does?

The embedded traffic signs, ten examples a class: cnn10 from the embedded source and MobileNetV2(alpha=0.35) from
ImageNet at four sizes each, fine-tuned. `lab.rank` scores the same eight in seconds each and compares:

    python -m lab.run experiments/choosing.py
    python -m lab.rank --backbones "cnn10,MobileNetV2(alpha=0.35)" --weights source,imagenet --size 32,48,64,96
"""

from lab import matrix

SIGNS = {"dataset": "signs", "strategy": "finetune", "size": [32, 48, 64, 96], "epochs": 10, "seeds": 2}
RUNS = [
    *matrix(backbone="cnn10", weights="source", **SIGNS),
    *matrix(backbone="MobileNetV2(alpha=0.35)", weights="imagenet", **SIGNS),
]
