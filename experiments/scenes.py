"""Aerial scenes: which encoder under DeepLabv3+, is ASPP worth its cost, and augmentation for a U-Net?

The lab's own `scenes`, whose classes are in realistic imbalance: DeepLabv3+ on ResNet-18, VGG-11 with batch norm and
MobileNetV3Small, each with and without ASPP, and U-Net with and without augmentation, all from random weights at one
budget. Needs no data and no network. Written, and not run yet; what is done already is skipped.

    python -m lab.run experiments/scenes.py
"""

from lab.spec import matrix

SCENES = {"dataset": "scenes(train=384,val=48,test=96)", "size": 128, "strategy": "scratch", "weights": "none"}
SCENES |= {"batch_size": 16, "epochs": 12, "learning_rate": 1e-3, "loss": "cross_entropy+dice"}
RUNS = [
    *matrix(
        backbone=["resnet18", "vgg11_bn", "MobileNetV3Small"],
        head=["deeplabv3plus", "deeplabv3plus(aspp=False)"],
        augment="strong",
        **SCENES,
    ),
    *matrix(backbone="cnn10", head="unet(norm='batch')", augment=["strong", "none"], **SCENES),
]
