"""What is put on a backbone; one file, one head."""

from dataclasses import dataclass

from lab.names import Named


@dataclass(frozen=True)
class Head(Named):
    """From the backbone's features to logits.

    A head has two halves. `prefix` has no parameters; the net is cut after it, so that a frozen
    backbone's features are as small as they can be when they are cached. `top` holds what learns.

    | tensor | linear on cnn10 at 32 px |
    |---|---|
    | features | (N, 2, 2, 96) |
    | prefix(features) | (N, 96) |
    | top(prefix(features), outputs) | (N, outputs) |
    """

    def prefix(self, features):
        """Features (N, h, w, F) to what is cached, with no parameters."""
        return features

    def top(self, cut, outputs: int):
        """What `prefix` gave to logits (N, outputs)."""
        raise TypeError(f"{self.name} has no top()")
