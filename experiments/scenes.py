"""Aerial scenes: which encoder under DeepLabv3+, is ASPP worth its cost, and augmentation for a U-Net?

The lab's own `scenes`, whose classes are in realistic imbalance: DeepLabv3+ on ResNet-18, VGG-11 with batch norm and
MobileNetV3Small, each with and without ASPP, and U-Net with and without augmentation, all from random weights at one
budget. Batch size and epochs were chosen by validation mIoU of a U-Net that was stopped early. Needs no data and no
network. About an hour and a quarter on 2 CPU cores; started again, it skips what is done.

    python -m lab.run experiments/scenes.py
"""

from lab import matrix

SCENES = {"dataset": "scenes(train=384,val=48,test=96)", "size": 128, "strategy": "scratch", "weights": "none"}
SCENES |= {"batch_size": 8, "epochs": 16, "learning_rate": 1e-3, "loss": "cross_entropy+dice"}
RUNS = [
    *matrix(
        backbone=["MobileNetV3Small", "resnet18", "vgg11_bn"],
        head=["deeplabv3plus", "deeplabv3plus(aspp=False)"],
        augment="none",
        **SCENES,
    ),
    *matrix(backbone="cnn10", head="unet(norm='batch')", augment=["strong", "none"], **SCENES),
]
