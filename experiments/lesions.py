"""Skin lesions: which decoder, and which loss?

The 379 dermoscopy images with lesion masks of ISBI 2016, at 128 px: SegNet, U-Net and a modified U-Net (batch
norm and dropout) on the same encoder (cnn10, from random weights), each with five losses, at one budget: 15 runs.
Six to nine minutes a run on 2 CPU cores; what is done already is skipped when it is started again.

    python -m lab.run experiments/lesions.py --data-dir lesions.zip
"""

from lab import matrix

RUNS = matrix(
    dataset="lesions",
    size=128,
    backbone="cnn10",
    strategy="scratch",
    head=["segnet", "unet", "unet(norm='batch',dropout=0.2)"],
    loss=["cross_entropy", "dice", "focal", "tversky", "lovasz"],
    augment="strong",
    batch_size=16,
    epochs=20,
)
