from dataclasses import dataclass
from typing import Annotated

from lab.heads import Head
from lab.names import Between


@dataclass(frozen=True)
class Mlp(Head):
    """Global average pooling and dense ReLU layers of the given widths."""

    widths: tuple[Annotated[int, Between(1, 65_536)], ...] = (512, 256, 128)
    dropout: Annotated[float, Between(0.0, 0.95)] = 0.0

    def prefix(self, features):
        from keras import layers

        return layers.GlobalAveragePooling2D()(features)

    def top(self, cut, outputs):
        from keras import layers

        x = cut
        for width in self.widths:
            x = layers.Dense(width, activation="relu", kernel_initializer="he_normal")(x)
            x = layers.Dropout(self.dropout)(x) if self.dropout else x
        return layers.Dense(outputs, dtype="float32", name="logits")(x)
