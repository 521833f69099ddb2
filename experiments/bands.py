"""More than three bands: how should a network that was trained on RGB be given them, and is it worth it?

Every policy of `lab/channels` on the lab's own 8-band scenes (a small U-Net, from the embedded source) and on
satellite tiles with water masks (MobileNetV2(alpha=0.35) from ImageNet), against red, green and blue only, against the
same network on 8 bands from scratch, with and without augmentation, and against means of three networks that see a
triple of bands each; three seeds. Of the tiles' 12 bands four are left out: they say, or nearly say, where water is.
Tiles that show the same ground stay on one side of the split. About three hours on two CPU cores; the committed
records were made on one core each data set, side by side.

    python -m lab.run experiments/bands.py --data-dir water12.zip
"""

from lab import Ensemble, Run, matrix
from lab.datasets.water import HONEST

COMMON = {"loss": "cross_entropy+dice", "batch_size": 8, "seeds": 3}
SCENES = {"dataset": "scenes(bands=8)", "backbone": "cnn10", "head": "unet(norm='batch')", **COMMON}
SCENES |= {"size": 64, "epochs": 30}
WATER = {"dataset": "water", "bands": HONEST, "backbone": "MobileNetV2(alpha=0.35)", **COMMON}
WATER |= {"head": "unet(64,32,32,16,norm='batch')", "weights": "imagenet", "size": 128, "epochs": 20}
POLICIES = ["select", "merge", "conv1x1", "inflate", "inflate(policy='mean')", "inflate(policy='zero')"]
POLICIES += ["inflate(policy='random')", "inflate(policy='tile')"]
POLICIES += ["side_branch(at=2)", "side_branch", "side_branch(at=8)"]
TRIPLES = ["select('nir','red','green')", "select('swir1','nir','red')"]  # beside red, green and blue
FINETUNE = "finetune(warmup=0.1)"


def is_triple(run: Run) -> bool:
    """Whether a run sees three bands, is transferred, and not augmented."""
    return run.channels in ("select", *TRIPLES) and run.strategy == FINETUNE and run.augment == "none"


RUNS = [
    run
    for data in (SCENES, WATER)
    for run in [
        *matrix(channels=[*POLICIES, *TRIPLES], strategy=FINETUNE, augment="none", **data),
        *matrix(channels=["select", "inflate"], strategy=FINETUNE, augment="strong", **data),
        *matrix(channels="inflate", strategy="scratch", augment=["none", "strong"], **data),
    ]
]
ENSEMBLES = [
    Ensemble(tuple(r for r in RUNS if is_triple(r) and (r.dataset, r.seed) == (data["dataset"], seed)), mean)
    for data in (SCENES, WATER)
    for seed in range(COMMON["seeds"])
    for mean in ("geometric", "arithmetic")
]
