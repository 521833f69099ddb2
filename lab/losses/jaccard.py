from dataclasses import dataclass

from lab.losses._overlap import Overlap


@dataclass(frozen=True)
class Jaccard(Overlap):
    """One minus the soft Jaccard index (IoU), averaged over the classes present.

    Rahman and Wang 2016, https://doi.org/10.1007/978-3-319-50835-1_22.
    """

    def each(self, targets, probabilities):
        import keras

        return keras.losses.tversky(targets, probabilities, alpha=1.0, beta=1.0, axis=0)
