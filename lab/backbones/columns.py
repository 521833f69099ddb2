from dataclasses import dataclass

from lab.backbones import Backbone
from lab.errors import BadInput
from lab.inputs.scaling import REACH


@dataclass(frozen=True)
class Columns(Backbone):
    """The columns of a table, standardised, as features: no weights, so nothing to transfer."""

    default_size = min_size = 1
    of_tables = True

    def preprocess(self):
        from keras import layers

        # in 32 bits: of 0 to 255, bfloat16 has steps of 1, which are 0.08 deviations
        return layers.Rescaling(2 * REACH / 255, offset=-REACH, dtype="float32", name="preprocess")

    def build(self, shape):
        import keras

        if tuple(shape[:2]) != (1, 1):
            raise BadInput(f"{self} takes the rows of a table, images of 1 px; received {shape[1]} x {shape[0]} px")
        rows = keras.Input(shape)
        return keras.Model(rows, keras.layers.Identity()(rows), name="columns")
