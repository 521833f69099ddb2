"""A JPEG read by libjpeg-turbo is what Pillow reads; whatever is not plain, or not whole, Pillow reads or refuses."""

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from lab.inputs import decoding
from lab.inputs.decoding import Unreadable, decoded

WIDE, HIGH = 150, 110


def picture(mode="RGB", size=(WIDE, HIGH)):
    """Smooth, with a little grain, and a red and a blue side: order and orientation show."""
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (5, 7, 3), "uint8")).resize(size, Image.Resampling.BICUBIC)
    array = np.asarray(smooth).astype(int) + rng.integers(-4, 5, (*smooth.size[::-1], 3))
    array[:, : size[0] // 2, 0] += 60
    array[:, size[0] // 2 :, 2] += 60
    return Image.fromarray(np.clip(array, 0, 255).astype("uint8")).convert(mode)


def jpeg(mode="RGB", size=(WIDE, HIGH), **how):
    buffer = io.BytesIO()
    picture(mode, size).save(buffer, "JPEG", **{"quality": 90, **how})
    return buffer.getvalue()


def by_pillow(content, size, fit="squash"):
    """All of the image decoded, turned upright and resized."""
    from PIL import ImageOps

    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    return decoding.fitted(image, size, fit)


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


KINDS = {
    "4:2:0": {"subsampling": 2}, "4:4:4": {"subsampling": 0}, "progressive": {"progressive": True},
    "grey": {"mode": "L"}, "colours stored as such": {"keep_rgb": True}, "four inks": {"mode": "CMYK"},
    "two pixels high": {"size": (7, 2)}, "one pixel": {"size": (1, 1)},
    **{f"turned {i}": turned(i) for i in range(1, 9)},
}  # fmt: skip


@pytest.mark.parametrize("how", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("size", [HIGH, 200, (30, 400)])
def test_at_full_scale_every_kind_of_jpeg_is_what_pillow_reads(how, size):
    content = jpeg(**how)
    np.testing.assert_allclose(decoded(content, size).astype(int), by_pillow(content, size), atol=1)


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
@pytest.mark.parametrize("size", [48, 96, (40, 64)])
def test_a_large_one_is_decoded_smaller_and_looks_the_same(size, fit, monkeypatch):
    content, asked = jpeg(size=(600, 420)), []

    def watched(*given, own=simplejpeg.decode_jpeg, **named):
        asked.append(own(*given, **named))
        return asked[-1]

    monkeypatch.setattr(simplejpeg, "decode_jpeg", watched)
    gap = np.abs(decoded(content, size, fit).astype(int) - by_pillow(content, size, fit))
    least = max(decoding.sides(size))
    assert gap.mean() < 0.6
    assert len(asked) == 1 and 420 > min(asked[0].shape[:2]) >= 1.5 * least


def test_an_image_of_hardly_more_pixels_than_are_wanted_is_decoded_whole():
    content = jpeg(size=(96, 96))
    for size in range(80, 112):
        np.testing.assert_allclose(decoded(content, size).astype(int), by_pillow(content, size), atol=1)


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_torn_file_is_refused_and_not_filled_up_with_grey(cut):
    content = jpeg()
    with pytest.raises(Unreadable):
        decoded(content[: int(cut * len(content))], 64)


def test_what_stands_behind_the_end_is_of_no_matter():
    content = jpeg()
    assert np.array_equal(decoded(content + b"more" * 99, 64), decoded(content, 64))


def test_another_format_under_the_same_name_is_still_read():
    buffer = io.BytesIO()
    picture().save(buffer, "PNG")
    assert np.array_equal(decoded(buffer.getvalue(), HIGH), by_pillow(buffer.getvalue(), HIGH))
