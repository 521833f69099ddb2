from dataclasses import dataclass
from typing import Literal

import numpy as np

from lab.channels import Channels
from lab.errors import BadInput
from lab.inputs.bands import colours, nearest_colour


@dataclass(frozen=True)
class Inflate(Channels):
    """The first convolution reads all bands: pretrained kernels for the colours, others for what is new.

    Red, green and blue kernels go to the bands that are red, green and blue, wherever they stand. A new band starts

    - `role`: from the kernels of the colour that is nearest in wavelength; from their mean where that is not known;
    - `mean`: from the mean of the three; `zero`: from zero; `random`: from normal noise of the kernels' deviation;
    - `tile`, as timm and segmentation_models.pytorch do: kernels by position, whatever the bands are, 0, 1, 2, 0, ...

    With `keep_variance` each filter is scaled so that its sum of squares is that of the three kernels: for bands that
    are independent and alike, what comes out varies as much as on RGB. What starts from random weights has the bands
    and nothing to inflate.
    """

    policy: Literal["role", "mean", "zero", "random", "tile"] = "role"
    keep_variance: bool = True

    def check(self, bands):
        if self.policy in ("zero", "random") and colours(bands) is None:
            raise BadInput(
                f"--channels {self} gives pretrained kernels to red, green and blue, which are not all known here; "
                "give the bands roles, or use inflate(policy='mean') or 'tile'"
            )

    def ready(self, images, bands, backbone):
        from lab.layers.inputs import Affine

        scale, offset, _ = read_as(backbone)
        own_scale, own_offset, _ = read_as(backbone, len(bands))
        shares = _means(self.shares(bands))
        wanted = shares @ scale / own_scale, (shares @ offset - own_offset) / own_scale
        return Affine(*(v.tolist() for v in wanted), name="preprocess")(images)

    def shares(self, bands):
        """(C, 3): how much of the red, the green and the blue kernel each band starts with; 0 for random ones."""
        shares, places = np.zeros((len(bands), 3)), colours(bands)
        for i, band in enumerate(bands):
            known = nearest_colour(band, bands) if places else None
            if self.policy == "tile":
                shares[i, i % 3] = 1
            elif known is not None and (self.policy == "role" or i in (places or ())):
                shares[i, known] = 1
            elif self.policy in ("role", "mean"):
                shares[i] = 1 / 3
        return shares

    def fitted(self, arrays, shapes, bands, backbone):
        stem, (_, _, order) = stems(backbone, arrays, len(bands)), read_as(backbone)
        shares = self.shares(bands)[:, order]  # from bands to the channels of the pretrained kernel
        made = [self._inflated(a, shares, stem[i]) if i in stem else a for i, a in enumerate(arrays)]
        if wrong := next((i for i, (a, s) in enumerate(zip(made, shapes, strict=True)) if a.shape != s), None):
            raise BadInput(f"{backbone} takes {shapes[wrong]} where its source has {made[wrong].shape}; not inflated")
        is_rgb = np.array_equal(self.shares(bands), np.eye(3))
        return made, [] if is_rgb else sorted(stem)

    def _inflated(self, array, shares, axis):
        """An array with 3 channels at the axis to one with C: a kernel's are given out, a constant's averaged."""
        old = np.moveaxis(array.astype("float64"), axis, 0)
        if array.ndim < 4:
            return np.moveaxis(np.tensordot(_means(shares), old, 1), 0, axis).astype(array.dtype)
        new = np.tensordot(shares, old, 1)
        if self.policy == "random":
            import keras

            free = ~shares.any(axis=1)
            noise = keras.random.normal((int(free.sum()), *old.shape[1:]), stddev=float(old.std()))
            new[free] = keras.ops.convert_to_numpy(noise)
        if self.keep_variance:
            each = tuple(range(array.ndim - 1))  # all but the filters
            power = np.maximum((new**2).sum(each), 1e-30)
            new = new * np.sqrt((old**2).sum(each) / power)
        return np.moveaxis(new, 0, axis).astype(array.dtype)


def _means(shares):
    """The shares (C, 3) as weights of a mean; all three alike where a band has none."""
    total = shares.sum(axis=1, keepdims=True)
    return np.where(total > 0, shares / np.maximum(total, 1e-9), 1 / 3)


def stems(backbone, arrays, count):
    """{place: axis} of the arrays of an RGB-pretrained backbone that have an axis for the image's bands."""
    other = count if count != 3 else 4
    shapes = [w.shape for w in backbone.build((*2 * [backbone.default_size], other)).weights]
    axes = {
        i: [k for k, pair in enumerate(zip(array.shape, shape, strict=True)) if pair == (3, other)]
        for i, (array, shape) in enumerate(zip(arrays, shapes, strict=True))
    }
    return {i: found[0] for i, found in axes.items() if found}


def read_as(backbone, count=None):
    """(scale (C,), offset (C,), order (C,)): what the first layer that learns reads for values of each band.

    Channel k of what it reads is `scale[c] * values of c + offset[c]` of band c = `order[k]`. Without a count it is
    what the pretrained layer reads of red, green and blue, preprocessing included; with one, what a backbone for so
    many bands reads of what it is given.
    """
    import keras

    bands, side = count or 3, backbone.default_size
    body = backbone.build((side, side, bands))
    first = next(x for x in body.layers if x.trainable_weights)
    probe = 255 * np.concatenate([np.zeros((1, bands)), np.eye(bands)]).astype("float32")
    inputs = np.broadcast_to(probe[:, None, None], (bands + 1, side, side, bands))
    if not count:
        inputs = backbone.preprocess()(keras.ops.convert_to_tensor(inputs))
    found = keras.ops.convert_to_numpy(keras.Model(body.inputs[0], first.input)(inputs))
    found = found[:, found.shape[1] // 2, found.shape[2] // 2].astype("float64")
    slopes = (found[1:] - found[0]) / 255  # (band, channel)
    order = np.abs(slopes).argmax(axis=0)
    scale, offset = np.zeros(bands), np.zeros(bands)
    scale[order], offset[order] = slopes[order, range(bands)], found[0]
    return scale, offset, order
