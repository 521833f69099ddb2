"""Street scenes: what are ImageNet's features worth to UNet and DeepLabV3+, and what is ASPP worth?

CamVid at 240x180, 11 classes, 367 training, 101 validation and 233 test images. The backbone is
MobileNetV2(alpha=0.35) in every run, from ImageNet and from random weights, at one budget, three seeds
each. Loss, class weights and batch size were chosen by validation mIoU of one run each (UNet, finetune, seed 0).
About three hours on 2 CPU cores that have other work too; started again, it skips what is done.

    python -m lab.run experiments/camvid.py --data-dir camvid240.zip
"""

from lab import matrix

RUNS = matrix(
    dataset="camvid",
    size="240x180",
    backbone="MobileNetV2(alpha=0.35)",
    weights="imagenet",
    strategy=["finetune(warmup=0.1)", "scratch"],
    head=["unet(128,64,32,32,norm='batch')", "deeplabv3plus", "deeplabv3plus(aspp=False)"],
    loss="cross_entropy+dice",
    balance="soft_weights",
    augment="none",
    batch_size=4,
    epochs=12,
    learning_rate=1e-3,
    seeds=3,
)
