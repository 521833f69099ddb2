"""Networks without a classifier; one file, one family.

May import `inputs` and `layers`; may not import heads, networks and all above.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from lab.errors import BadInput
from lab.names import Named


@dataclass(frozen=True)
class Backbone(Named):
    """A feature extractor, and what its weights expect of an image.

    | at `default_size` | cnn10 | MobileNetV2 |
    |---|---|---|
    | image, values 0 to 255 | (N, 32, 32, C) | (N, 224, 224, C) |
    | features | (N, 2, 2, 96) | (N, 7, 7, 1280) |

    Its stages are found from the strides at `default_size`; see `lab.networks.stages`.
    """

    min_size: ClassVar[int] = 32  # pixels, height and width
    default_size: ClassVar[int] = 224
    of_tables: ClassVar[bool] = False  # True: takes the rows of tables, and has no weights

    def preprocess(self) -> Any:
        """The layer that turns values 0 to 255 into what the weights expect."""
        raise TypeError(f"{self.name} has no preprocess()")

    def build(self, shape: tuple[int, int, int]) -> Any:
        """A keras.Model from preprocessed images (N, H, W, C) to features (N, h, w, F), random weights."""
        raise TypeError(f"{self.name} has no build()")

    def build_with_top(self, shape: tuple[int, int, int]) -> Any:
        """The same with the classifier of its ImageNet weights: preprocessed images to logits (N, 1000)."""
        raise BadInput(f"{self} has no classifier of its own; give weights of a run of the lab")

    def weights_file(self) -> str | None:
        """Name of the no-top ImageNet file in Keras' own cache, where there is one."""
        return None

    def as_built(self, arrays: list[Any]) -> list[Any]:
        """The arrays of the family's own ImageNet file as `build` takes them."""
        return arrays

    def imagenet(self, top: bool) -> Any:
        """The keras.Model with its ImageNet weights at `default_size`, fetched if need be.

        Raises:
            Unavailable: they are not here and cannot be fetched; says how to get them.
        """
        raise BadInput(f"there are no ImageNet weights of {self}; use --weights source, none or a file")
