from dataclasses import dataclass

from lab.channels import Channels
from lab.errors import BadInput


@dataclass(frozen=True)
class Rgb(Channels):
    """Red, green and blue as they are; one band is repeated three times."""

    def check(self, bands):
        if len(bands) not in (1, 3):
            raise BadInput(
                f"--channels rgb takes 3 bands or 1; received {len(bands)}: choose some by --bands, or another policy "
                "(python -m lab.channels)"
            )

    def rgb(self, images, bands):
        from lab.layers import GreyToRgb

        return GreyToRgb(name="grey_to_rgb")(images) if len(bands) == 1 else images
