"""What the bands of an image are: names, roles, wavelengths; from a `bands.toml` or of a known sensor. No Keras.

    nodata = -9999            # of all bands; or nan
    scale = 0.0001            # of all bands: a stored value times this is the physical one

    [[band]]
    name = "B2"
    role = "blue"             # red, green, blue, nir, swir, ...; left out: none
    wavelength = 492          # nm, centre
    file = "*_B02.tif"        # where each band is a file of its own, in a folder for each image

or `sensor = "sentinel2"` in place of the bands: see `SENSORS`. The order is that of the bands in the files.
"""

import difflib
import math
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lab.errors import BadInput

FILE = "bands.toml"
COLOURS = ("red", "green", "blue")  # the order of what RGB-pretrained networks read
ROLES = (
    *COLOURS, "coastal", "yellow", "red_edge", "nir", "water_vapour", "cirrus", "swir", "thermal", "pan", "elevation",
    "radar", "other",
)  # fmt: skip
COLUMN = "column"  # the role of what a table's column becomes; in no bands.toml


@dataclass(frozen=True)
class Band:
    """One band: what it is called, what it sees, its centre in nm, and what its stored values mean."""

    name: str
    role: str | None = None
    wavelength: float | None = None
    scale: float = 1.0
    nodata: float | None = None
    file: str | None = None


def recorded(bands: Sequence[Band]) -> list[dict[str, Any]]:
    """The bands as a record holds them: JSON has no number for what is none."""
    return [
        {**asdict(b), "nodata": "nan" if b.nodata is not None and math.isnan(b.nodata) else b.nodata} for b in bands
    ]


def of_record(record: dict[str, Any]) -> tuple[Band, ...]:
    """What a run's record says of its data's bands; none where they are RGB, or grey."""
    said = record["data"].get("bands", [])
    return tuple(Band(**{**b, "nodata": None if b["nodata"] is None else float(b["nodata"])}) for b in said)


def _sensor(scale: float, nodata: float | None, *rows: tuple[str, str, float]) -> tuple[Band, ...]:
    return tuple(Band(name, role, wavelength, scale, nodata) for name, role, wavelength in rows)


# Centre wavelengths in nm. Sentinel-2A: ESA, https://sentiwiki.copernicus.eu/web/s2-mission (the 13 bands of level 1C;
# level 2A has no B10). Landsat 8 and 9: USGS, https://www.usgs.gov/landsat-missions/landsat-8 (surface reflectance,
# collection 2). WorldView-2: the middle of the published band edges, DigitalGlobe 2009.
SENTINEL2 = _sensor(
    1e-4, 0,
    ("B1", "coastal", 443), ("B2", "blue", 492), ("B3", "green", 560), ("B4", "red", 665), ("B5", "red_edge", 704),
    ("B6", "red_edge", 741), ("B7", "red_edge", 783), ("B8", "nir", 833), ("B8A", "nir", 865),
    ("B9", "water_vapour", 945), ("B10", "cirrus", 1374), ("B11", "swir", 1614), ("B12", "swir", 2202),
)  # fmt: skip
SENSORS = {
    "sentinel2": SENTINEL2,
    "sentinel2_l2a": tuple(b for b in SENTINEL2 if b.name != "B10"),
    "landsat8": _sensor(
        2.75e-5, 0,
        ("B1", "coastal", 443), ("B2", "blue", 482), ("B3", "green", 562), ("B4", "red", 655), ("B5", "nir", 865),
        ("B6", "swir", 1609), ("B7", "swir", 2201),
    ),
    "worldview2": _sensor(
        1.0, 0,
        ("coastal", "coastal", 425), ("blue", "blue", 480), ("green", "green", 545), ("yellow", "yellow", 605),
        ("red", "red", 660), ("red_edge", "red_edge", 725), ("nir1", "nir", 833), ("nir2", "nir", 950),
    ),
}  # fmt: skip


def parsed(text: str, where: str) -> tuple[Band, ...]:
    """The bands that a `bands.toml` describes.

    Raises:
        BadInput: names the file and the entry that is wrong.
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{where} is not TOML: {error}") from None
    common: dict[str, Any] = {k: said.pop(k) for k in ("nodata", "scale") if k in said}
    sensor, rows = said.pop("sensor", None), said.pop("band", [])
    if said:
        raise BadInput(f"{where} has {next(iter(said))!r}; it takes sensor or [[band]], nodata and scale")
    if (sensor is None) == (not rows):
        raise BadInput(f"{where} takes sensor = {' or '.join(map(repr, SENSORS))}, or a [[band]] for each band")
    if sensor is not None:
        if sensor not in SENSORS:
            raise BadInput(f"{where}: sensor {sensor!r} is not known; known are {', '.join(SENSORS)}")
        rows = [{k: v for k, v in vars(band).items() if v is not None} | common for band in SENSORS[sensor]]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{where}: write each band as [[band]] with a name")
    bands = tuple(_band({**common, **row}, i + 1, where) for i, row in enumerate(rows))
    return checked(bands, where)


def _band(row: dict[str, Any], number: int, where: str) -> Band:
    kinds = {"name": str, "role": str, "wavelength": float, "scale": float, "nodata": float, "file": str}
    for key, value in row.items():
        if key not in kinds:
            raise BadInput(f"{where}: band {number} has {key!r}; a band takes {', '.join(kinds)}")
        if kinds[key] is float and isinstance(value, int) and not isinstance(value, bool):
            row[key] = value = float(value)
        if not isinstance(value, kinds[key]):
            raise BadInput(f"{where}: {key} of band {number} must be {kinds[key].__name__}; received {value!r}")
    if not row.get("name", "").strip():
        raise BadInput(f"{where}: band {number} has no name")
    return Band(**row)


def checked(bands: tuple[Band, ...], where: str) -> tuple[Band, ...]:
    """The bands, if each has a name of its own and a role that there is, and none is a colour twice.

    Raises:
        BadInput: says which does not.
    """
    names = [b.name for b in bands]
    for band in bands:
        if names.count(band.name) > 1:
            raise BadInput(f"{where} has two bands called {band.name!r}")
        if "," in band.name or not band.name.isprintable():
            raise BadInput(f"{where}: the name {band.name!r} has a comma or cannot be printed; choose another")
        if band.role is not None and band.role not in ROLES:
            raise BadInput(f"{where}: {band.name} has the role {band.role!r}; roles are {', '.join(ROLES)}")
        if band.role in COLOURS and [b.role for b in bands].count(band.role) > 1:
            raise BadInput(f"{where} has two bands of the role {band.role}; the others take another, or none")
        if band.wavelength is not None and not 0 < band.wavelength < 1e9:
            raise BadInput(f"{where}: {band.name} has the wavelength {band.wavelength}; it is in nm")
        if not math.isfinite(band.scale) or not band.scale:
            raise BadInput(f"{where}: {band.name} has the scale {band.scale}")
    if len({b.file is None for b in bands}) > 1:
        raise BadInput(f"{where}: either every band has a file, or none has")
    return bands


def nameless(count: int) -> tuple[Band, ...]:
    """Bands of which nothing is known; three are red, green and blue, as everywhere."""
    if count == 3:
        return tuple(Band(c, c) for c in COLOURS)
    return tuple(Band(str(i + 1)) for i in range(count))


def chosen(bands: Sequence[Band], wanted: str | None) -> tuple[int, ...]:
    """Places of the bands that `B4,B3,B2` names, in that order; of all for None. A role may stand for its only band.

    Raises:
        BadInput: there is no such band, or one is named twice.
    """
    if wanted is None:
        return tuple(range(len(bands)))
    places = tuple(place(bands, word.strip(), "--bands") for word in wanted.split(","))
    if twice := [p for p in places if places.count(p) > 1]:
        raise BadInput(f"--bands {wanted} names {bands[twice[0]].name} twice")
    return places


def place(bands: Sequence[Band], word: str, flag: str) -> int:
    """Where the band stands that a name, or a role that one band has, calls.

    Raises:
        BadInput: none, or a role of several.
    """
    names = [b.name for b in bands]
    if word in names:
        return names.index(word)
    of_role = [i for i, b in enumerate(bands) if b.role == word]
    if len(of_role) == 1:
        return of_role[0]
    if of_role:
        raise BadInput(f"{flag} {word}: several bands have this role; name one: {', '.join(names[i] for i in of_role)}")
    near = difflib.get_close_matches(word, names, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise BadInput(f"{flag} {word!r}: the data have no such band{hint}; they have {', '.join(names)}")


def colours(bands: Sequence[Band]) -> tuple[int, int, int] | None:
    """Places of the red, the green and the blue band; None where one is missing."""
    roles = [b.role for b in bands]
    if not all(c in roles for c in COLOURS):
        return None
    red, green, blue = (roles.index(c) for c in COLOURS)
    return red, green, blue


def shown(bands: Sequence[Band]) -> tuple[int, int, int]:
    """Places of the three bands that a picture is made of: the colours, else the first ones."""
    last = len(bands) - 1
    return colours(bands) or (0, min(1, last), min(2, last))


def are_columns(bands: Sequence[Band]) -> bool:
    """Whether the bands are the columns of a table."""
    return bool(bands) and all(b.role == COLUMN for b in bands)


def is_rgb(bands: Sequence[Band]) -> bool:
    """Whether the bands are red, green and blue, in that order."""
    return len(bands) == 3 and colours(bands) == (0, 1, 2)


def nearest_colour(band: Band, bands: Sequence[Band]) -> int | None:
    """0, 1 or 2: which of red, green and blue is nearest to the band in wavelength; None where that is not known."""
    if band.role in COLOURS:
        return COLOURS.index(band.role)
    places = colours(bands)
    if places is None or band.wavelength is None:
        return None
    centres = [bands[p].wavelength for p in places]
    if any(c is None for c in centres):
        return None
    away = [abs(band.wavelength - c) for c in centres if c is not None]
    return away.index(min(away))
