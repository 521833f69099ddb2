"""Decoders of keras-cv, which is imported only for them: its own layers, put on a pyramid of the lab."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from lab.environment import pip_install
from lab.errors import BadInput
from lab.heads import Head

LEVELS = ("P2", "P3", "P4", "P5")  # as keras-cv calls the last four of a pyramid, each of half the size


@dataclass(frozen=True)
class Kerascv(Head):
    """Reads the last four levels of a pyramid; refuses a shorter one, or a machine without the packages."""

    reads = "pyramid"

    def check(self, backbone, encoder):
        for package, needed in (("keras_cv", "keras-cv"), ("tensorflow", "TensorFlow")):
            if find_spec(package) is None:
                raise BadInput(
                    f"{self} is keras-cv's, which needs {needed}, whatever the backend; it is not installed: "
                    f"`{pip_install(needed.lower())}`, or take deeplabv3plus or unet"
                )
        if len(encoder.outputs) < len(LEVELS):
            raise BadInput(
                f"{self} reads {len(LEVELS)} levels of a pyramid; that of {backbone} has {len(encoder.outputs)}; "
                "use another backbone, as MobileNetV2, or unet"
            )

    def prefix(self, features):
        return features[-len(LEVELS) :]


def stand_in(levels: list[Any]) -> Any:
    """What keras-cv takes for a backbone: a model whose layers are named as it wants, of the shapes of `levels`."""
    import keras

    height, width = (4 * edge for edge in levels[0].shape[1:3])
    image = x = keras.Input((height, width, 1))
    for name, level in zip(LEVELS, levels, strict=True):
        x = keras.layers.Resizing(*level.shape[1:3])(x)
        x = keras.layers.Conv2D(level.shape[-1], 1, name=name)(x)
    model = keras.Model(image, x)
    model.pyramid_level_inputs = {name: name for name in LEVELS}
    model.embedding_dims = [level.shape[-1] for level in levels]
    return model


def decoded(task: Any, levels: list[Any]) -> Any:
    """The logits of a keras-cv model that was made with `stand_in(levels)`, of the levels themselves."""
    import keras

    for layer in task._flatten_layers():
        if getattr(layer, "activation", None) is keras.activations.softmax:
            layer.activation = keras.activations.linear  # the lab's losses take logits
    extractor = task.layers[1]  # behind the image, what keras-cv cut out of the stand-in
    decoder = keras.Model(extractor._inbound_nodes[-1].output_tensors, task.output)
    logits = decoder([levels[LEVELS.index(name)] for name in sorted(extractor.output)])
    return keras.layers.Activation("linear", dtype="float32")(logits)
