"""`python -m lab.backbones`: lists the backbones: size, accuracy on ImageNet, parameters, weights at hand or not."""

import sys

from lab import command, names
from lab.backbones.applications import Application
from lab.networks.weights import at_hand


def main(argv: list[str]) -> int:
    command.parser("lab.backbones", __doc__.split(": ", 1)[1]).parse_args(argv)
    from tabulate import tabulate

    heads = [
        "name",
        "size MB",
        "top-1 %",
        "top-5 %",
        "parameters M",
        "depth",
        "default px",
        "smallest px",
        "weights at hand",
    ]
    rows = [row(names.find("backbones", name)()) for name in names.listing("backbones")]
    print(tabulate(rows, heads, missingval="-"))
    print(
        "Size to depth: with the ImageNet top, as https://keras.io/api/applications publishes them; '-': not published."
    )
    return 0


def row(backbone) -> list:
    """One line of the table; without Keras."""
    published = backbone.published if isinstance(backbone, Application) else (None,) * 5
    return [backbone.name, *published, backbone.default_size, backbone.min_size, at_hand(backbone)]


if __name__ == "__main__":
    sys.exit(command.call(main))
