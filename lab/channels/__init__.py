"""What becomes of bands that are not red, green and blue, on a network that was trained on RGB; one file, one policy.

    images (N, H, W, C), 0-255 ─► ready() ─► backbone, with what `through()` adds on its way

With red, green and blue in, in this order, every policy starts as the pretrained network.

May import `inputs`, `layers` and `backbones`; may not import networks and all above.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.backbones import Backbone
from lab.errors import BadInput
from lab.inputs.bands import Band, colours
from lab.names import Named


@dataclass(frozen=True)
class Channels(Named):
    """A way for bands into a network.

    | tensor | on 8 bands of 64 px |
    |---|---|
    | images | (N, 64, 64, 8) |
    | ready(images), of a policy that makes three of them | (N, 64, 64, 3) |
    | ready(images) of `inflate` | (N, 64, 64, 8) |
    """

    def check(self, bands: Sequence[Band]) -> None:
        """Refuses bands that it cannot take.

        Raises:
            BadInput: says which, and what to do.
        """

    def ready(self, images: Any, bands: Sequence[Band], backbone: Backbone) -> Any:
        """What the backbone is called on: preprocessed as its weights expect."""
        return backbone.preprocess()(self.rgb(images, bands))

    def rgb(self, images: Any, bands: Sequence[Band]) -> Any:
        """Three bands (N, H, W, 3), 0 to 255, of all."""
        raise TypeError(f"{self.name} has no rgb()")

    def through(self, encoder: Any, ready: Any, images: Any, bands: Sequence[Band], taps: dict[int, Any]) -> Any:
        """What the encoder, a keras.Model, gives for what is ready, with what the policy adds on the way.

        `taps` are the encoder's cut points, {stride: tensor}; see `lab.networks.pyramid`.
        """
        return encoder(ready)

    @property
    def strides(self) -> tuple[int, ...]:
        """Where `through` adds something: those of the taps that it needs."""
        return ()

    def fitted(
        self, arrays: list[Any], shapes: list[tuple[int, ...]], bands: Sequence[Band], backbone: Backbone
    ) -> Any:
        """(a source's arrays as the backbone takes them on these bands, the places of those that count as new)."""
        return arrays, []


def colours_of(bands: Sequence[Band], policy: Any) -> tuple[int, int, int]:
    """Places of red, green and blue.

    Raises:
        BadInput: a role is missing.
    """
    places = colours(bands)
    if places is None:
        known = ", ".join(f"{b.name} ({b.role})" if b.role else b.name for b in bands)
        raise BadInput(
            f"--channels {policy} starts from the red, green and blue bands, and of {known} not all three are known; "
            "give them roles in bands.toml, or use --channels conv1x1, or inflate(policy='mean')"
        )
    return places
