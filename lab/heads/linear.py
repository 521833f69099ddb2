from dataclasses import dataclass
from typing import Annotated

from lab.heads import Head
from lab.names import Between


@dataclass(frozen=True)
class Linear(Head):
    """Global average pooling and one dense layer: the linear probe."""

    dropout: Annotated[float, Between(0.0, 0.95)] = 0.0

    def prefix(self, features):
        from keras import layers

        return layers.GlobalAveragePooling2D()(features)

    def top(self, cut, outputs):
        from keras import layers

        x = layers.Dropout(self.dropout)(cut) if self.dropout else cut
        return layers.Dense(outputs, dtype="float32", name="logits")(x)
