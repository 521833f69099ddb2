"""Preprocessing, backbone and head made one network, whose every variable has a stage and a kind.

images (N, H, W, C), 0-255 ─► contrast, channels ─► backbone ─► head.prefix ─┬─► head.top ─► logits (N, outputs)
                                                                   └─ the cut: what `features` gives

For a head that reads the pyramid the backbone gives that, the cut is a list of tensors (or one, where the head reads
one), and logits are (N, H, W, outputs).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lab.backbones import Backbone
from lab.channels import Channels
from lab.channels.rgb import Rgb
from lab.errors import BadInput
from lab.heads import Head
from lab.inputs.bands import Band, nameless
from lab.inputs.scaling import Scaling
from lab.layers.fused import fuse
from lab.layers.inputs import Standardize
from lab.layers.matched import Matched
from lab.networks import atrous, pyramid
from lab.networks.blueprint import blueprint
from lab.networks.stages import kind_of, structure
from lab.probes import head as remembered
from lab.probes.solving import Linear, Neighbours, Trees
from lab.steps import Part, Parts, Selection

Array = np.ndarray
CONTRAST = {"standardize": Standardize}  # not keras.layers.Equalization: its histogram is the whole batch's


class Net:
    """A network to transfer.

    Attributes:
        model: images (N, H, W, C) with values 0 to 255, to logits (N, outputs), or (N, H, W, outputs).
        features: images to the cut, the smallest tensors before anything new; None with a source's own top.
        top: the cut to logits; None with a source's own top.
        ready: what the backbone is called on, preprocessed images.
        is_carried: whether a source's weights are in it.
        stride: output stride that the backbone was brought to for the head; None where nobody asked.
        matched_from: how many outputs were matched to labels by a counted table; None where none were.
        probe: the layer that a probe put in place of the head, as `lab.probes.head` names it; None where none did.
        parts: the variables, in the order of `model.weights`, for a strategy to select from.
        stages: name, stride and number of values of each stage, for the record.
    """

    def __init__(
        self,
        backbone: Backbone,
        shape: tuple[int, int, int],
        head: Head | None,
        outputs: int,
        contrast: str = "none",
        channels: Channels | None = None,
        bands: Sequence[Band] = (),
        scaling: Scaling | None = None,
    ):
        """`shape` is the image's (H, W, C); a `head` of None builds the backbone's own classifier.

        `contrast` names what is done to each image first; see `CONTRAST`. `channels` brings the `bands` in, which
        are red, green and blue, or grey, where they are not given; `scaling` makes them of stored values.

        Raises:
            BadInput: if the backbone refuses that shape, the head that backbone, or the policy these bands.
        """
        self.backbone, self.shape, self.head, self.outputs = backbone, shape, head, outputs
        self.contrast, self.channels, self.bands = contrast, channels or Rgb(), tuple(bands) or nameless(shape[2])
        self.scaling = scaling
        self.channels.check(self.bands)
        self.features: Any = None
        self.top: Any = None
        self.matched_from: int | None = None
        self.probe: dict[str, Any] | None = None
        self.is_carried = False
        self.stride: int | None = None
        self._made: dict[Any, keras.Model] = {}
        images = keras.Input(shape, name="images")
        # in 32 bits whatever the policy: squares of 255 overflow in 16
        even = CONTRAST[contrast](dtype="float32")(images) if contrast != "none" else images
        ready = self.channels.ready(even, self.bands, backbone)
        self.ready = ready
        self._at_default = blueprint(backbone, ready.shape[-1])
        if head is None:
            self.body = pyramid.functional(backbone.build_with_top(ready.shape[1:]))
            logits = self._through(self.body, even)
        else:
            self.body = pyramid.functional(backbone.build(ready.shape[1:]))
            cut = head.prefix(self._through(self._encoder(head), even))
            inputs = keras.tree.map_structure(lambda t: keras.Input(t.shape[1:], dtype=t.dtype), cut)
            self.top = keras.Model(inputs, _at_size(head.top(inputs, outputs), shape), name="top")
            self.features = keras.Model(images, cut, name="features")
            logits = self.top(cut)
        self.model = keras.Model(images, logits, name="net")
        fuse(self.model)
        self._check_structure()
        self._levels = self._at_default.levels
        # as they are now: LoRA puts others between them
        self._backbone_weights = self.body.weights[: len(self._levels)]  # its own top's, if any, come behind them
        self._adapter_weights = self._added_by_channels()
        self._carried = {id(w) for w in self._backbone_weights}
        self._describe()

    def _encoder(self, head: Head) -> Any:
        """What the head's prefix is called on the output of: the body, or for a decoder its pyramid.

        The body is brought to the head's stride on the way.

        Raises:
            BadInput: backbone and head do not go together.
        """
        if head.reads == "features":
            return self.body
        taps = pyramid.taps(self.backbone, self._at_default.layout, self.body)
        own = max(taps)
        self.stride = head.stride or own
        if self.stride > own:
            raise BadInput(
                f"{head} takes features of stride {self.stride}, and those of {self.backbone} end at {own}; "
                f"use output_stride={own}, or a head that takes any, as unet"
            )
        self.body = atrous.rewritten(self.backbone, self.body, self.stride)
        encoder = pyramid.encoder(self.body, taps, self.stride)
        head.check(self.backbone, encoder)
        return encoder

    def _through(self, encoder: Any, images: Any) -> Any:
        """What an encoder gives for what is ready, with what the policy for the channels adds on the way.

        Raises:
            BadInput: there is no such place on the way.
        """
        if not self.channels.strides:
            return self.channels.through(encoder, self.ready, images, self.bands, {})
        places = pyramid.taps(self.backbone, self._at_default.layout, self.body)
        if missing := [s for s in self.channels.strides if s not in places]:
            raise BadInput(
                f"--channels {self.channels}: {self.backbone} has no stride {missing[0]}; it has "
                f"{', '.join(map(str, places))}, and 1 is the image"
            )
        taps = {stride: self.body.operations[i].output for stride, i in places.items()}
        return self.channels.through(encoder, self.ready, images, self.bands, taps)

    def _added_by_channels(self) -> list[Any]:
        """The weights that the policy for the channels adds."""
        body = {id(w) for w in self.body.weights}
        ahead = self.model if self.features is None else self.features
        return [w for w in ahead.weights if id(w) not in body]

    @property
    def _other_weights(self) -> list[Any]:
        backbone = {id(w) for w in self._backbone_weights}
        return [w for w in self.model.weights if id(w) not in backbone]

    def _check_structure(self) -> None:
        """Refuses a size at which the backbone has other weights: they are carried between sizes by their order."""
        wanted = self._at_default.structure
        if wanted != structure(self.body)[: len(wanted)]:
            raise BadInput(
                f"{self.backbone} has another structure at {self.shape[0]} px than at its default "
                f"{self.backbone.default_size} px, so weights do not carry over; choose another --size"
            )

    def _describe(self) -> None:
        """Sets `parts` and `stages` from the model as it is."""
        owners = {id(w): layer for layer in self.model._flatten_layers() for w in layer._trainable_variables}
        owners |= {id(w): layer for layer in self.model._flatten_layers() for w in layer._non_trainable_variables}
        levels = sorted(set(self._levels))
        names_of = {level: f"stage{i + 1}" for i, level in enumerate(levels)}
        stage_of = {id(w): names_of[level] for w, level in zip(self._backbone_weights, self._levels, strict=True)}
        stage_of |= dict.fromkeys(map(id, self._adapter_weights), "adapter")
        low_rank = [w for w in self.model.weights if kind_of(w, owners[id(w)]) == "adapter"]
        stage_of |= {id(w): stage_of[id(owners[id(w)]._kernel)] for w in low_rank}
        ahead = ["adapter"] if self._adapter_weights else []
        parts = tuple(
            Part(
                stage_of.get(id(w), "head"),
                kind_of(w, owners[id(w)]),
                id(w) not in self._carried,
                int(np.prod(w.shape)),
            )
            for w in self.model.weights
        )
        self._part_of = dict(zip(map(id, self.model.weights), parts, strict=True))
        self.parts = Parts(parts, (*ahead, *names_of.values(), "head"))
        strides = {name: min(2**level, self.stride or 2**level) for level, name in names_of.items()}
        self.stages = [
            {"stage": name, "stride": strides.get(name), "values": sum(p.size for p in parts if p.stage == name)}
            for name in self.parts.stages
        ]

    def once(self, kind: Any, make: Callable[[], keras.Model]) -> keras.Model:
        """The model for one kind of use of the network, made when it is first asked for: what is traced, stays traced.

        All are forgotten when the network gets other layers.
        """
        if kind not in self._made:
            self._made[kind] = make()
        return self._made[kind]

    def sized(self, images: Array):
        """Images (B, h, w, bands) as read to floats (B, H, W, C) on the device, 0 to 255, at the network's size."""
        x = self.scaling(images) if self.scaling else keras.ops.cast(images, "float32")
        height, width = self.shape[:2]
        if x.shape[1:3] != (height, width):
            x = keras.ops.image.resize(x, (height, width), interpolation="bilinear", antialias=height < x.shape[1])
        return x

    @property
    def around(self) -> list[tuple[str, dict[str, Any]]]:
        """Kind and configuration of each layer up to the cut that is not in the body, the head's prefix among them.

        Heads with the same prefix have the same features, whatever comes behind it.
        """
        layers = [layer for layer in self.features.layers if layer is not self.body]
        named = ("name", "trainable")
        return [(type(x).__name__, {k: v for k, v in x.get_config().items() if k not in named}) for x in layers]

    def halves(self) -> tuple[list[Array], list[Array]]:
        """Copies of the backbone's weights and of the rest, as `start_from` takes them."""
        return [to_numpy(w) for w in self._backbone_weights], [to_numpy(w) for w in self._other_weights]

    def start_from(self, arrays: list[Array], top: list[Array] | None = None) -> None:
        """Puts the arrays of a source that reads RGB into the backbone, and into the head where `top` is given."""
        shapes = [tuple(w.shape) for w in self._backbone_weights]
        made, new = self.channels.fitted(arrays, shapes, self.bands, self.backbone)
        assign(self._backbone_weights, made)
        self._carried -= {id(self._backbone_weights[i]) for i in new}
        self.is_carried = True
        self._settle()
        self._describe()
        if top is not None:
            assign(self._other_weights, top)
            self._carried = {id(w) for w in self.model.weights}
            self._describe()

    def part_of(self, variable: Any) -> Part:
        """The part that a variable of the model is."""
        return self._part_of[id(variable)]

    def adapt(self, rank: int) -> int:
        """Adds low-rank matrices to the backbone's kernels by Keras' own `enable_lora`; returns to how many.

        The matrices start at a product of zero. Files hold the sums of kernels and products, so that they open as
        if nothing had been added.

        Raises:
            BadInput: no layer of the backbone can be adapted.
        """
        kernels = {id(w) for w in self._backbone_weights}
        layers = [
            layer
            for layer in self.body._flatten_layers()
            if hasattr(layer, "enable_lora") and id(getattr(layer, "_kernel", None)) in kernels
        ]
        if not layers:
            raise BadInput(f"{self.backbone} has no dense layer or convolution that LoRA can adapt; use last or bitfit")
        for layer in layers:
            layer.enable_lora(rank)
        self._made.clear()
        self._describe()
        return len(layers)

    def put(self, found: Linear | Neighbours | Trees) -> None:
        """Puts what a probe found in place of the head: weights of its dense layer, or a layer of another kind.

        Raises:
            BadInput: the head is not the one dense layer that the probe solves for.
        """
        if isinstance(found, Linear):
            if [tuple(w.shape) for w in self.top.weights] != [found.kernel.shape, found.bias.shape]:
                raise BadInput(f"this probe solves for one dense layer, --head linear; received --head {self.head}")
            assign(self.top.weights, [found.kernel, found.bias])
            return
        assign(self.put_layer(remembered.described(found)).weights, remembered.arrays(found))

    def put_layer(self, about: dict[str, Any]) -> Any:
        """Puts an empty layer, as `lab.probes.head` describes it, in place of the head; returns it."""
        layer, inputs = remembered.made(about), keras.Input(self.features.outputs[0].shape[1:])
        self.top = keras.Model(inputs, layer(inputs), name="top")
        self.model = keras.Model(self.features.inputs, self.top(self.features.outputs[0]), name="net")
        self.probe = about
        self._made.clear()
        self._describe()
        return layer

    def go_on_from(self, other: "Net", with_top: bool) -> None:
        """Puts the weights of a network that reads the same bands into this one: of its head only `with_top`."""
        mine, theirs = (
            net.model.weights if with_top else [*net._backbone_weights, *net._adapter_weights] for net in (self, other)
        )
        assign(mine, [to_numpy(w) for w in theirs])
        self._carried |= {id(w) for w in mine}
        self.is_carried = True
        self._settle()
        self._describe()

    def count_as(self, other: "Net") -> None:
        """Has each weight count as carried or new as it does in a network of the same layers."""
        weights = zip(self.model.weights, other.parts.parts, strict=True)
        self._carried = {id(w) for w, part in weights if not part.new}
        self.is_carried = other.is_carried
        self._describe()

    def _settle(self) -> None:
        """Keras' Normalization computes with constants that it made of its weights; they are made again."""
        for layer in self.model._flatten_layers():
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()

    def match(self, table: Array) -> None:
        """Adds, behind the logits, the table p(label | source class) of shape (outputs, labels)."""
        layer = Matched(table.shape[1], name="matched")
        self.model = keras.Model(self.model.inputs, layer(self.model.outputs[0]), name="net")
        layer.table.assign(table)
        self._made.clear()
        self._describe()
        self.matched_from, self.outputs = table.shape

    def save(self, path: Path) -> None:
        """Writes all weights in Keras 3's layout (`.weights.h5`), without the optimizer that a compiled model has."""
        keras.Model(self.model.inputs, self.model.outputs, name="net").save_weights(path)

    def values(self) -> list[Array]:
        """Copies of all weights, in order."""
        return [to_numpy(w) for w in self.model.weights]

    def train_only(self, select: Selection) -> None:
        """Makes exactly the selected variables learn, and the selected statistics move; compile afterwards.

        A batch norm whose statistics are not selected normalises with them, as in evaluation, even
        where its scale and shift learn.
        """
        chosen = {id(self.model.weights[i]) for i in select}
        self.model.trainable = True
        for norm in self.norms():
            norm.trainable = id(norm.moving_mean) in chosen
        for part, weight in zip(self.parts.parts, self.model.weights, strict=True):
            weight.trainable = id(weight) in chosen and part.kind not in ("statistics", "constant")

    def batch_norm(self) -> dict[str, Any]:
        """The policy in force: layers that move their statistics, and how fast; layers that keep them."""
        moving = [n for n in self.norms() if n.trainable]
        return {
            "moving": len(moving),
            "fixed": len(self.norms()) - len(moving),
            "momentum": sorted({n.momentum for n in moving}),
        }

    def norms(self) -> list[keras.layers.BatchNormalization]:
        return [x for x in self.model._flatten_layers() if isinstance(x, keras.layers.BatchNormalization)]


def _at_size(logits: Any, shape: tuple[int, int, int]) -> Any:
    """Logits (N, K) as they are, a map of them (N, h, w, K) bilinearly resized to the image's (H, W, C)."""
    if len(logits.shape) == 2 or tuple(logits.shape[1:3]) == shape[:2]:
        return logits
    return keras.ops.image.resize(logits, shape[:2], interpolation="bilinear")


def assign(variables: list[Any], arrays: list[Array]) -> None:
    """Sets variables to arrays of the same shapes, in order."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def to_numpy(tensor: Any) -> Array:
    """A copy of a tensor or variable of any backend, in host memory."""
    return np.array(keras.ops.convert_to_numpy(tensor))
