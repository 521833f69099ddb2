"""A network with a source's weights in it: from ImageNet, from files, from finished runs."""

import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lab import names
from lab.backbones import Backbone
from lab.channels.rgb import Rgb
from lab.errors import BadInput
from lab.heads import Head
from lab.inputs.bands import of_record
from lab.inputs.scaling import Scaling
from lab.networks.net import Net, assign, to_numpy
from lab.networks.weights import KERAS_OWN, Source, read_arrays

Array = np.ndarray


def open_net(
    backbone: Backbone,
    shape,
    head: Head | None,
    outputs: int,
    source: Source | None,
    own_top: bool,
    contrast: str = "none",
    **inputs: Any,
) -> Net:
    """The network of a run, with its source's weights in it, or random ones where `source` is None.

    `inputs` are the channels, bands and scaling that `Net` takes.

    Raises:
        BadInput: the weights do not fit this backbone, or the bands that it is given.
        Unavailable: they cannot be had here.
    """
    if source is None:
        return Net(backbone, shape, head, outputs, contrast, **inputs)
    made = None
    if source.kind == "run":
        assert source.path is not None
        made = reopen(source.meta, source.path)
        arrays, top = made.halves()
        if own_top:
            head, outputs = made.head, made.outputs
    else:
        arrays, top = _arrays(backbone, source, own_top)
        if own_top:
            head, outputs = None, top[-1].shape[-1]
    net = Net(backbone, shape, head, outputs, contrast, **inputs)
    if made and _reads_alike(made, net):
        net.go_on_from(made, with_top=own_top)
        return net
    if made and made.body.input.shape[-1] != 3:
        raise BadInput(
            f"--weights {source.label} read the bands {', '.join(b.name for b in made.bands)} by {made.channels}; give "
            "the same --bands and --channels, or weights that read RGB"
        )
    net.start_from(arrays, top if own_top else None)
    return net


def _reads_alike(one: Net, other: Net) -> bool:
    """Whether two networks are given the same bands in the same way, and more than red, green and blue."""
    names = [[b.name for b in net.bands] for net in (one, other)]
    return names[0] == names[1] and one.channels == other.channels != Rgb()


def reopen(record: dict[str, Any], path: Path) -> Net:
    """The network of a finished run's record, with the weights that the run left in `path`.

    Raises:
        BadInput: the file does not hold them.
    """
    c, about = record["choices"], record["net"]
    head = None if about["head"] == "its own" else names.build("heads", about["head"])
    backbone, matched = names.build("backbones", c["backbone"]), about.get("matched_from")
    shape, outputs = tuple(about["shape"]), matched or about["outputs"]
    net = Net(backbone, shape, head, outputs, c.get("contrast", "none"), **inputs_of(record))
    if about.get("probe"):
        net.put_layer(about["probe"])
    if matched:
        net.match(np.zeros((matched, about["outputs"]), "float32"))
    try:
        net.model.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise BadInput(f"{path.name} does not hold the weights of {record['name']}: {str(error)[:100]}") from None
    return net


def inputs_of(record: dict[str, Any]) -> dict[str, Any]:
    """The channels, bands and scaling of a finished run, as `Net` takes them."""
    bands, how = of_record(record), record["net"].get("scaling")
    taken = tuple(bands[i] for i in how["take"]) if how else ()
    return {
        "channels": names.build("channels", record["choices"].get("channels", "rgb")),
        "bands": taken,
        "scaling": Scaling(nodata=tuple(b.nodata for b in taken), **{k: tuple(v) for k, v in how.items()})
        if how
        else None,
    }


def _arrays(backbone: Backbone, source: Source, top: bool) -> tuple[list[Array], list[Array]]:
    """The backbone's arrays and the top's, from ImageNet or a file; the top's are empty without one."""
    bare = backbone.build((backbone.default_size, backbone.default_size, 3))
    if source.kind == "imagenet":
        arrays, rest = _split(backbone.imagenet(top).weights, len(bare.weights))
        return backbone.as_built(arrays), rest
    path = source.path
    assert path is not None
    flat = read_arrays(path) if path.suffix != ".keras" else None
    for build in ((lambda: bare), (lambda: _with_top(backbone)))[int(top) :]:
        model = build()
        if model is not None and (_fill(model, flat) if flat is not None else _load(model, path)):
            arrays, rest = _split(model.weights, len(bare.weights))
            return (backbone.as_built(arrays) if source.label == KERAS_OWN else arrays), rest
    wanted = sum(int(np.prod(w.shape)) for w in bare.weights)
    got = f"{sum(a.size for _, a in flat):,} values in {len(flat)} arrays" if flat is not None else "another layout"
    if top and flat is not None and _fill(bare, flat):
        raise BadInput(f"{source.label} holds {backbone} without its classifier top, which this strategy needs")
    raise BadInput(
        f"{source.label} does not fit {backbone} on 3 bands, which takes {wanted:,} values in {len(bare.weights)} "
        f"arrays; the file holds {got}"
    )


def _with_top(backbone: Backbone) -> Any:
    try:
        return backbone.build_with_top((backbone.default_size, backbone.default_size, 3))
    except BadInput:
        return None


def _fill(model: Any, arrays: list[tuple[str, Array]]) -> bool:
    """Assigns arrays in the order of Keras' HDF5 layout (a layer's trainable weights first), if they fit."""
    wanted = [w for layer in model.layers for w in layer.trainable_weights + layer.non_trainable_weights]
    if [tuple(w.shape) for w in wanted] != [a.shape for _, a in arrays]:
        return False
    assign(wanted, [a for _, a in arrays])
    return True


def _load(model: Any, path: Path) -> bool:
    """Loads Keras 3's layout, from a `.weights.h5` or out of a `.keras` archive, if it fits."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "x.weights.h5"
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                copy.write_bytes(archive.read("model.weights.h5"))
        else:
            copy.symlink_to(path.resolve())
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                model.load_weights(copy)
        except (ValueError, KeyError, OSError, TypeError, AttributeError, RuntimeError):
            return False
    return not warned  # Keras only warns of layers that keep their random weights


def _split(variables: list[Any], count: int) -> tuple[list[Array], list[Array]]:
    arrays = [to_numpy(w) for w in variables]
    return arrays[:count], arrays[count:]
