"""What bands are: `bands.toml`, sensors, choosing some; and stored values brought to 0 to 255."""

import keras
import numpy as np
import pytest

from lab.errors import BadInput
from lab.inputs import bands
from lab.inputs.bands import Band, chosen, parsed
from lab.inputs.data import Split
from lab.inputs.scaling import scaling, whiskers
from lab.networks.net import to_numpy

TEXT = """
nodata = -9999
scale = 0.0001
[[band]]
name = "B2"
role = "blue"
wavelength = 492
[[band]]
name = "dem"
nodata = nan
scale = 1
"""


def test_a_file_says_what_the_bands_are():
    blue, height = parsed(TEXT, "bands.toml")
    assert blue == Band("B2", "blue", 492.0, 1e-4, -9999.0)
    assert height.name == "dem" and height.role is None and height.scale == 1 and np.isnan(height.nodata)


@pytest.mark.parametrize("sensor", bands.SENSORS)
def test_every_sensor_has_red_green_and_blue_in_the_order_of_wavelengths(sensor):
    found = parsed(f'sensor = "{sensor}"\nnodata = -1', "bands.toml")
    red, green, blue = (found[i].wavelength for i in bands.colours(found))
    assert blue < green < red and all(b.nodata == -1 and b.wavelength for b in found)
    centres = [b.wavelength for b in found]
    assert centres == sorted(centres)


def test_bands_are_chosen_by_name_or_by_a_role_of_one():
    found = parsed('sensor = "sentinel2"', "x")
    assert chosen(found, "B8, red,B3") == (7, 3, 2) and chosen(found, None) == tuple(range(13))
    for wanted, said in (
        ("B88", "no such band (did you mean B8?)"),
        ("nir", "several bands have this role; name one: B8, B8A"),
        ("B4,red", "names B4 twice"),
        ("", "no such band"),
    ):
        with pytest.raises(BadInput) as error:
            chosen(found, wanted)
        assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[band]", "is not TOML"),
        ("", "takes sensor ="),
        ('sensor = "spot"', "'spot' is not known; known are sentinel2"),
        ('sensor = "landsat8"\n[[band]]\nname = "x"', "takes sensor ="),
        ('[[band]]\nrole = "red"', "band 1 has no name"),
        ('[[band]]\nname = "a"\nrole = "ultraviolet"', "roles are red, green, blue"),
        ('[[band]]\nname = "a"\n[[band]]\nname = "a"', "two bands called 'a'"),
        ('[[band]]\nname = "a"\nrole="red"\n[[band]]\nname = "b"\nrole="red"', "two bands of the role red"),
        ('[[band]]\nname = "a"\nwavelength = "far"', "wavelength of band 1 must be float"),
        ('[[band]]\nname = "a"\ncolour = "far"', "has 'colour'; a band takes name"),
        ('[[band]]\nname = "a"\nfile = "*1.tif"\n[[band]]\nname = "b"', "either every band has a file, or none has"),
        ("band = 3", "write each band as [[band]]"),
        ("bands = 3", "has 'bands'"),
        ('[[band]]\nname = "a,b"', "has a comma"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_line(text, said):
    with pytest.raises(BadInput) as error:
        parsed(text, "my/bands.toml")
    assert said in str(error.value) and "my/bands.toml" in str(error.value) and "\n" not in str(error.value)


def split_of(images):
    return Split(images, np.zeros(len(images), "int64"), np.arange(len(images)).astype(str))


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_each_band_is_brought_to_its_range(dtype):
    rng = np.random.default_rng(0)
    images = np.stack([rng.uniform(100, 300, (6, 32, 32)), rng.uniform(2000, 9000, (6, 32, 32))], -1).astype(dtype)
    made = scaling(split_of(images), (Band("a"), Band("b")), (1, 0))
    x = to_numpy(made(images))
    assert x.dtype == "float32" and x.shape == (6, 32, 32, 2)
    assert x.min() >= 0 and x.max() <= 255 and (np.abs(x.mean((0, 1, 2)) - 127.5) < 8).all()
    assert np.corrcoef(x[..., 0].ravel(), images[..., 1].ravel())[0, 1] > 0.9999  # in the order that is asked for
    np.testing.assert_allclose(made.array(images), x, atol=1e-3)


@pytest.mark.parametrize("nothing", [-9999.0, float("nan")])
def test_what_is_no_datum_moves_no_range_and_comes_out_as_the_median(nothing):
    rng = np.random.default_rng(0)
    whole = rng.normal(1000, 100, (6, 32, 32, 1)).astype("float32")
    holed = whole.copy()
    holed[:, :10] = nothing
    bands_ = (Band("a", nodata=nothing),)
    full, part = (scaling(split_of(x), bands_, (0,)) for x in (whole, holed))
    assert part.low[0] == pytest.approx(full.low[0], abs=30) and part.high[0] == pytest.approx(full.high[0], abs=30)
    x = to_numpy(part(holed))
    middle = 255 * (part.middle[0] - part.low[0]) / (part.high[0] - part.low[0])
    np.testing.assert_allclose(x[:, :10], middle, rtol=1e-4)
    np.testing.assert_allclose(x[:, 10:], to_numpy(part(whole))[:, 10:], rtol=1e-5)


def test_clouds_do_not_press_the_land_together():
    rng = np.random.default_rng(0)
    land = rng.normal(1000, 100, (10, 32, 32, 1)).astype("int16")
    cloudy = land.copy()
    cloudy[:2] = rng.integers(7000, 9000, cloudy[:2].shape)  # a fifth of it
    clear, clouded = (scaling(split_of(x), (Band("a"),), (0,)) for x in (land, cloudy))
    widths = [s.high[0] - s.low[0] for s in (clear, clouded)]
    assert widths[1] < 1.6 * widths[0]
    assert to_numpy(clouded(cloudy))[:2].min() == 255  # what is beyond is as bright as it gets


def test_odd_bands_have_a_range():
    assert whiskers(np.full(9, 7.0)) == (7, 7, 8) and whiskers(np.array([])) == (0, 0, 1)
    mostly = np.array([0] * 90 + list(range(1, 11)))
    low, middle, high = whiskers(mostly)
    assert (low, middle) == (0, 0) and high > 1


def test_eight_bits_are_on_the_scale_already():
    images = np.random.default_rng(0).integers(40, 90, (4, 8, 8, 4)).astype("uint8")
    made = scaling(split_of(images), tuple(Band(n) for n in "abcd"), (0, 1, 2, 3))
    np.testing.assert_allclose(to_numpy(made(keras.ops.convert_to_tensor(images))), images, atol=1e-3)
