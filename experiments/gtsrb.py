"""Traffic signs for real: the original lab's table again, why it was wrong, and what transfer is worth.

The complete GTSRB. Rows with the original's names stand for its nine models (those at 256 px are
experiments/gtsrb_256.py): NASNetMobile is trained as it was there (Adam, a constant rate of 1e-3,
batches of 128, no augmentation), three passes under Keras' batch-norm policy and under the sound one.
The rest uses the recipe that experiments/gtsrb_recipes.py chose on the validation tracks: cnn10, and
MobileNetV2(alpha=0.35) from ImageNet by each strategy at one budget a size (three passes at 32 px, five
zoomed to 64 px), three seeds each. `extract` stands beside the same head trained through the frozen backbone. About
three hours on 2 CPU cores; what is done already is skipped when it is started again.

    python -m lab.download gtsrb --to gtsrb
    python -m lab.run experiments/gtsrb.py --data-dir gtsrb
    python -m lab.ensemble --experiment gtsrb --best 10 --name 'ten best'
    python -m lab.ensemble --experiment gtsrb --best 2 --name 'two best'      # of K from 2 to 10, best on validation

ImageNet's weights come from where Keras keeps them (`~/.keras/models`) or from the network; what
cannot be had is recorded as unavailable and taken up by the same command once it can.
"""

from lab import matrix

NASNET = {"dataset": "gtsrb", "backbone": "NASNetMobile", "weights": "imagenet", "size": 32}
ORIGINALS = {
    "batch_size": 128, "learning_rate": 1e-3, "schedule": "constant", "augment": "none", "keep": "last", "epochs": 3,
}  # fmt: skip
RECIPE = {"dataset": "gtsrb", "batch_size": 64, "schedule": "onecycle", "contrast": "standardize"}
RECIPE |= {"label_smoothing": 0.1, "ema": 0.99, "learning_rate": 3e-3}
MOBILE = {**RECIPE, "backbone": "MobileNetV2(alpha=0.35)", "weights": "imagenet"}
RUNS = [
    *matrix(name="base_NASNetMobile", strategy="frozen", **NASNET),
    *matrix(name="base_NASNetMobile_with_classifier", strategy="extract", head="mlp", **NASNET, **ORIGINALS),
    *matrix(name="NASNetMobile_with_classifier", strategy="finetune", head="mlp", **NASNET, **ORIGINALS),
    *matrix(name="NASNetMobile", strategy="scratch", watch="test", bn=["keras", "sound"], **NASNET, **ORIGINALS),
    *matrix(strategy=["finetune", "scratch"], size=64, seeds=3, epochs=5, **MOBILE),
    *matrix(name="CNN_10_relu", strategy="scratch", backbone="cnn10", seeds=3, epochs=7, **RECIPE),
    *matrix(
        strategy=["extract(rate=1.0)", "extract(rate=1.0,cache=False)"],
        size=64,
        epochs=10,
        **{**MOBILE, "augment": "none"},
    ),
    *matrix(strategy="extract(rate=1.0)", size=64, seeds=3, epochs=5, **MOBILE),
    *matrix(strategy="frozen", size=[32, 64], **MOBILE),
    *matrix(strategy="finetune", size=96, epochs=4, **MOBILE),
    *matrix(strategy=["finetune", "scratch", "extract(rate=1.0)"], size=32, seeds=3, epochs=3, **MOBILE),
]
