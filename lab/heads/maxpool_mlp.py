from dataclasses import dataclass

from lab.heads.mlp import Mlp


@dataclass(frozen=True)
class MaxpoolMlp(Mlp):
    """Global max pooling and dense ReLU layers: the original lab's classifier."""

    widths: tuple[int, ...] = (1024, 256)

    def prefix(self, features):
        from keras import layers

        return layers.GlobalMaxPooling2D()(features)
