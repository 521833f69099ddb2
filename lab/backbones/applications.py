"""Every model of keras.applications, by its own name and with its variants.

Size on disk, accuracy on the ImageNet validation set, parameters (with the top) and depth are what
https://keras.io/api/applications publishes (read 2026-11); "-" where it publishes nothing.
"""

import warnings
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

import numpy as np

from lab.backbones import Backbone
from lab.errors import BadInput, Unavailable
from lab.names import Between

# name: module, default size, smallest size, MB, top-1 %, top-5 %, parameters (millions), depth,
#       name of the no-top ImageNet file in Keras' cache (fields in braces are the variant's)
TABLE: dict[str, tuple] = {
    "Xception": ("xception", 299, 71, 88, 79.0, 94.5, 22.9, 81, "xception_weights_tf_dim_ordering_tf_kernels_notop"),
    "VGG16": ("vgg16", 224, 32, 528, 71.3, 90.1, 138.4, 16, "vgg16_weights_tf_dim_ordering_tf_kernels_notop"),
    "VGG19": ("vgg19", 224, 32, 549, 71.3, 90.0, 143.7, 19, "vgg19_weights_tf_dim_ordering_tf_kernels_notop"),
    "ResNet50": ("resnet", 224, 32, 98, 74.9, 92.1, 25.6, 107, "resnet50_weights_tf_dim_ordering_tf_kernels_notop"),
    "ResNet50V2": (
        "resnet_v2", 224, 32, 98, 76.0, 93.0, 25.6, 103, "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop"),
    "ResNet101": ("resnet", 224, 32, 171, 76.4, 92.8, 44.7, 209, "resnet101_weights_tf_dim_ordering_tf_kernels_notop"),
    "ResNet101V2": (
        "resnet_v2", 224, 32, 171, 77.2, 93.8, 44.7, 205, "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop"),
    "ResNet152": ("resnet", 224, 32, 232, 76.6, 93.1, 60.4, 311, "resnet152_weights_tf_dim_ordering_tf_kernels_notop"),
    "ResNet152V2": (
        "resnet_v2", 224, 32, 232, 78.0, 94.2, 60.4, 307, "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop"),
    "InceptionV3": (
        "inception_v3", 299, 75, 92, 77.9, 93.7, 23.9, 189, "inception_v3_weights_tf_dim_ordering_tf_kernels_notop"),
    "InceptionResNetV2": (
        "inception_resnet_v2", 299, 75, 215, 80.3, 95.3, 55.9, 449,
        "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop"),
    "MobileNet": ("mobilenet", 224, 32, 16, 70.4, 89.5, 4.3, 55, "mobilenet_{alpha_words}_224_tf_no_top"),
    "MobileNetV2": (
        "mobilenet_v2", 224, 32, 14, 71.3, 90.1, 3.5, 105,
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_224_no_top"),
    "MobileNetV3Small": (
        "mobilenet_v3", 224, 32, None, None, None, None, None,
        "weights_mobilenet_v3_small{minimalistic_word}_224_{alpha}_float_no_top_v2"),
    "MobileNetV3Large": (
        "mobilenet_v3", 224, 32, None, None, None, None, None,
        "weights_mobilenet_v3_large{minimalistic_word}_224_{alpha}_float_no_top_v2"),
    "DenseNet121": (
        "densenet", 224, 32, 33, 75.0, 92.3, 8.1, 242, "densenet121_weights_tf_dim_ordering_tf_kernels_notop"),
    "DenseNet169": (
        "densenet", 224, 32, 57, 76.2, 93.2, 14.3, 338, "densenet169_weights_tf_dim_ordering_tf_kernels_notop"),
    "DenseNet201": (
        "densenet", 224, 32, 80, 77.3, 93.6, 20.2, 402, "densenet201_weights_tf_dim_ordering_tf_kernels_notop"),
    "NASNetMobile": ("nasnet", 224, 32, 23, 74.4, 91.9, 5.3, 389, "nasnet_mobile_no_top"),
    "NASNetLarge": ("nasnet", 331, 32, 343, 82.5, 96.0, 88.9, 533, "nasnet_large_no_top"),
    "EfficientNetB0": ("efficientnet", 224, 32, 29, 77.1, 93.3, 5.3, 132, "efficientnetb0_notop"),
    "EfficientNetB1": ("efficientnet", 240, 32, 31, 79.1, 94.4, 7.9, 186, "efficientnetb1_notop"),
    "EfficientNetB2": ("efficientnet", 260, 32, 36, 80.1, 94.9, 9.2, 186, "efficientnetb2_notop"),
    "EfficientNetB3": ("efficientnet", 300, 32, 48, 81.6, 95.7, 12.3, 210, "efficientnetb3_notop"),
    "EfficientNetB4": ("efficientnet", 380, 32, 75, 82.9, 96.4, 19.5, 258, "efficientnetb4_notop"),
    "EfficientNetB5": ("efficientnet", 456, 32, 118, 83.6, 96.7, 30.6, 312, "efficientnetb5_notop"),
    "EfficientNetB6": ("efficientnet", 528, 32, 166, 84.0, 96.8, 43.3, 360, "efficientnetb6_notop"),
    "EfficientNetB7": ("efficientnet", 600, 32, 256, 84.3, 97.0, 66.7, 438, "efficientnetb7_notop"),
    "EfficientNetV2B0": ("efficientnet_v2", 224, 32, 29, 78.7, 94.3, 7.2, None, "efficientnetv2-b0_notop"),
    "EfficientNetV2B1": ("efficientnet_v2", 240, 32, 34, 79.8, 95.0, 8.2, None, "efficientnetv2-b1_notop"),
    "EfficientNetV2B2": ("efficientnet_v2", 260, 32, 42, 80.5, 95.1, 10.2, None, "efficientnetv2-b2_notop"),
    "EfficientNetV2B3": ("efficientnet_v2", 300, 32, 59, 82.0, 95.8, 14.5, None, "efficientnetv2-b3_notop"),
    "EfficientNetV2S": ("efficientnet_v2", 384, 32, 88, 83.9, 96.7, 21.6, None, "efficientnetv2-s_notop"),
    "EfficientNetV2M": ("efficientnet_v2", 480, 32, 220, 85.3, 97.4, 54.4, None, "efficientnetv2-m_notop"),
    "EfficientNetV2L": ("efficientnet_v2", 480, 32, 479, 85.7, 97.5, 119.0, None, "efficientnetv2-l_notop"),
    "ConvNeXtTiny": ("convnext", 224, 32, 109, 81.3, None, 28.6, None, "convnext_tiny_notop"),
    "ConvNeXtSmall": ("convnext", 224, 32, 192, 82.3, None, 50.2, None, "convnext_small_notop"),
    "ConvNeXtBase": ("convnext", 224, 32, 339, 85.3, None, 88.5, None, "convnext_base_notop"),
    "ConvNeXtLarge": ("convnext", 224, 32, 755, 86.3, None, 197.7, None, "convnext_large_notop"),
    "ConvNeXtXLarge": ("convnext", 224, 32, 1310, 86.7, None, 350.1, None, "convnext_xlarge_notop"),
}  # fmt: skip


DEVIATIONS = np.array([0.229, 0.224, 0.225], "float32")  # of ImageNet's red, green and blue, from 0 to 1


@dataclass(frozen=True)
class Application(Backbone):
    """A model of keras.applications."""

    module: ClassVar[str]
    published: ClassVar[tuple]  # MB, top-1 %, top-5 %, million parameters, depth
    file: ClassVar[str]

    def preprocess(self):
        from lab.layers.inputs import Preprocess

        return Preprocess(self.module, name="preprocess")

    def build(self, shape):
        return self._keras(input_shape=tuple(shape), include_top=False)

    def build_with_top(self, shape):
        return self._keras(input_shape=tuple(shape), include_top=True, classifier_activation=None)

    def imagenet(self, top):
        shape = (self.default_size, self.default_size, 3)
        try:
            return self._keras(input_shape=shape, include_top=top, weights="imagenet")
        except BadInput:
            raise
        except Exception as error:  # Keras raises a bare Exception when a download fails
            raise Unavailable(
                f"the ImageNet weights of {self} {'with' if top else 'without'} their top are not on this machine and "
                f"could not be fetched; run once where there is a network, or pass --weights FILE.h5 (Keras' file: "
                f"{self.weights_file() if not top else 'the one with the top'})"
            ) from error

    def as_built(self, arrays):
        """EfficientNet's file expects a division by the root of ImageNet's deviations, a layer that Keras adds only
        where it loads that file itself; here it goes into the variance that the layer before divides by.
        """
        if self.module != "efficientnet":
            return arrays
        place = next(i for i, a in enumerate(arrays) if a.shape == (3,)) + 1  # mean, variance
        return [*arrays[:place], arrays[place] * DEVIATIONS, *arrays[place + 1 :]]

    def weights_file(self):
        return self.file.format(**self.variant(), **self._words()) + ".h5"

    def variant(self) -> dict:
        """The arguments of Keras' constructor that this backbone was given."""
        return {k: getattr(self, k) for k in (f.name for f in fields(self))}

    def _words(self) -> dict:
        alpha = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
        return {
            "alpha_words": alpha.get(getattr(self, "alpha", 1.0), ""),
            "minimalistic_word": "_minimalistic" if getattr(self, "minimalistic", False) else "",
        }

    def _keras(self, weights=None, **arguments):
        import keras

        warnings.filterwarnings("ignore", "This model usually expects 1 or 3 input channels")
        try:
            return getattr(keras.applications, self.name)(weights=weights, **arguments, **self.variant())
        except ValueError as error:
            raise BadInput(f"keras.applications refuses {self}: {' '.join(str(error).split())[:200]}") from error


@dataclass(frozen=True)
class _Alpha(Application):
    alpha: Annotated[float, Between(0.05, 4.0)] = 1.0  # width multiplier


@dataclass(frozen=True)
class _Minimalistic(_Alpha):
    minimalistic: bool = False  # without squeeze-excite, hard swish and 5x5 kernels


@dataclass(frozen=True)
class _DepthMultiplier(_Alpha):
    depth_multiplier: Annotated[int, Between(1, 8)] = 1


VARIANTS = {
    "MobileNet": _DepthMultiplier,
    "MobileNetV2": _Alpha,
    "MobileNetV3Small": _Minimalistic,
    "MobileNetV3Large": _Minimalistic,
}


def _family() -> dict[str, type[Application]]:
    family: dict[str, type[Application]] = {}
    for name, (module, default, smallest, *published, file) in TABLE.items():
        body = {
            "__doc__": f"keras.applications.{name}, {default} px by default.",
            "__module__": __name__,
            "module": module,
            "default_size": default,
            "min_size": smallest,
            "published": tuple(published),
            "file": file,
        }
        family[name] = dataclass(frozen=True)(type(name, (VARIANTS.get(name, Application),), body))
    return family


FAMILY = _family()
