"""`python -m lab.backbones`: lists the backbones: size, accuracy on ImageNet, parameters, weights at hand or not."""

import os
import sys
from pathlib import Path

from lab import command, names
from lab.backbones.applications import Application


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


def at_hand(backbone) -> str:
    from lab.weights import embedded_backbone

    if embedded_backbone() == str(backbone):
        return "source"
    folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    return "imagenet" if isinstance(backbone, Application) and (folder / backbone.weights_file()).exists() else "no"


if __name__ == "__main__":
    sys.exit(command.call(main))
