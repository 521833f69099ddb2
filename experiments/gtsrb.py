"""Real traffic signs from ImageNet: scratch, extract and finetune, and the mistake of stale statistics.

The complete GTSRB in the Kaggle layout at 64 px, MobileNetV2(alpha=0.35), three passes each. The
last row is finetune once more under Keras' own batch-norm momentum of 0.999, which is how the lab
that this one replaces came to conclude that transfer fails. About 25 minutes on 2 CPU cores. The
committed records were made before the lab had TensorFlow run one operation at a time, so they
repeat to about a point of accuracy, not bit for bit.

    python -m lab.run experiments/gtsrb.py --data-dir gtsrb32.zip

Where there is no network, ImageNet's weights come from a file in Keras' format:

    python -m lab.run experiments/gtsrb.py --data-dir gtsrb32.zip \
        --weights mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5
"""

from lab.spec import matrix

COMMON = {
    "dataset": "gtsrb",
    "backbone": "MobileNetV2(alpha=0.35)",
    "weights": "imagenet",
    "size": 64,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "epochs": 3,
}
RUNS = [
    *matrix(strategy=["scratch", "extract", "finetune"], **COMMON),
    *matrix(strategy="finetune", bn="keras", keep="last", **COMMON),
]
