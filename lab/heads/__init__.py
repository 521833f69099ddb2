"""What is put on a backbone; one file, one head.

May import `layers`; may not import networks and all above.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab.names import Named


@dataclass(frozen=True)
class Head(Named):
    """From the backbone's features to logits.

    A head has two halves. `prefix` has no parameters; the net is cut after it, so that a frozen
    backbone's features are as small as they can be when they are cached. `top` holds what learns.
    It `reads` the backbone's output, its features, or its pyramid, a list of tensors, one a stride, finest first (see
    `lab.networks.pyramid`). Of a pyramid the cut is what the head reads of it, a list or one tensor, and the net
    resizes what it gives to the image.

    | tensor | linear on cnn10 at 32 px | unet on cnn10 at 32 px |
    |---|---|---|
    | features | (N, 2, 2, 96) | [(N, 32, 32, 16), ..., (N, 2, 2, 96)] |
    | prefix(features) | (N, 96) | the same |
    | top(prefix(features), outputs) | (N, outputs) | (N, 32, 32, outputs) |
    """

    reads: ClassVar[Literal["features", "pyramid"]] = "features"

    @property
    def stride(self) -> int | None:
        """The output stride that the backbone is brought to (see `lab.networks.atrous`); None: its own."""
        return None

    def check(self, backbone: Any, encoder: Any) -> None:
        """Refuses a backbone whose pyramid, a keras.Model, this head cannot take.

        Raises:
            BadInput: says why, and what to take instead.
        """

    def prefix(self, features):
        """Features (N, h, w, F), or the pyramid, to what is cached, with no parameters."""
        return features

    def top(self, cut, outputs: int):
        """What `prefix` gave to logits, in 32 bits: (N, outputs), or of a pyramid (N, h, w, outputs)."""
        raise TypeError(f"{self.name} has no top()")
