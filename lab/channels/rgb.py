from dataclasses import dataclass

from lab.channels import Channels
from lab.errors import BadInput
from lab.inputs.bands import are_columns


@dataclass(frozen=True)
class Rgb(Channels):
    """Red, green and blue as they are; one band is repeated three times.

    The columns of a table come in as they are, too, however many.
    """

    def check(self, bands):
        if len(bands) not in (1, 3) and not are_columns(bands):
            raise BadInput(
                f"--channels rgb takes 3 bands or 1; received {len(bands)}: choose some by --bands, or another policy "
                "(python -m lab.channels)"
            )

    def rgb(self, images, bands):
        from lab.layers.inputs import GreyToRgb

        is_grey = len(bands) == 1 and not are_columns(bands)
        return GreyToRgb(name="grey_to_rgb")(images) if is_grey else images
