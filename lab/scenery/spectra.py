"""What materials reflect beyond red, green and blue, and how a satellite with eight bands sees the lab's scenes.

Curves are drawn after the shapes of the USGS spectral library (Kokaly et al. 2017, https://doi.org/10.3133/ds1035):
plants are bright in the near infrared and dark where water absorbs, soils rise with the wavelength, water has nothing
left beyond red. Some things are painted as others look: roofs and terraces green as grass, asphalt dark as a lake.
In red, green and blue nothing tells them apart; in the infrared everything does.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from lab.inputs.bands import Band

Array = np.ndarray

REFLECTANCE = 1e-4  # of a stored unit
BRIGHT = 0.6  # reflectance of a colour's 255
# as they are stored; inside, red, green and blue come first, then the others in this order
BANDS = tuple(
    Band(name, role, wavelength, REFLECTANCE, 0)
    for name, role, wavelength in (
        ("coastal", "coastal", 443), ("blue", "blue", 490), ("green", "green", 560), ("red", "red", 665),
        ("red_edge", "red_edge", 705), ("nir", "nir", 842), ("swir1", "swir", 1610), ("swir2", "swir", 2190),
    )
)  # fmt: skip
STORED = (3, 2, 1, 0, 4, 5, 6, 7)  # of what is inside

# (share of red, constant) of red edge, near infrared, and both short waves; coastal is 0.9 of blue
CURVES = {
    "plant": ((0.3, 62), (0.2, 168), (0.3, 78), (0.3, 30)),
    "leaf": ((0.3, 44), (0.2, 138), (0.3, 48), (0.3, 16)),
    "dry": ((1.1, 4), (1.3, 8), (1.4, 0), (1.1, 0)),
    "soil": ((1.1, 0), (1.25, 0), (1.5, 0), (1.35, 0)),
    "stone": ((1.0, 2), (1.05, 2), (1.05, 4), (1.0, 0)),
    "asphalt": ((1.0, 4), (1.0, 8), (1.1, 12), (1.1, 12)),
    "roof": ((1.1, 0), (1.2, 2), (1.3, 4), (1.2, 2)),
    "water": ((0.6, 0), (0.12, 2), (0.03, 2), (0.02, 1)),
    "paint": ((1.0, 4), (1.05, 8), (0.95, 10), (0.85, 8)),
}
GREEN, DARK = [(92, 120, 60), (106, 128, 68), (82, 108, 56)], [(38, 58, 66), (50, 74, 72), (36, 64, 86)]
DISGUISES = {"roof": (0.25, GREEN, "paint"), "stone": (0.25, GREEN, "paint"), "asphalt": (0.2, DARK, "asphalt")}
SKY = np.array([0.36, 0.40, 0.47, 0.52, 0.33, 0.27, 0.15, 0.12], "float32").reshape(-1, 1, 1)
SUN = np.array([0.64, 0.60, 0.53, 0.48, 0.67, 0.73, 0.85, 0.88], "float32").reshape(-1, 1, 1)  # 1 with the sky
TINT = np.array([0.8, 1.0, 1.2, 1.25, 0.7, 0.5, 0.2, 0.1], "float32").reshape(-1, 1, 1)  # of the sky in water
HAZE = np.array([188, 200, 212, 220, 178, 150, 90, 80], "float32") / 212


def reflected(rgb: Sequence[float] | Array, material: str) -> Array:
    """What a material of a colour (3,) reflects in all bands, (8, 1, 1) float32, in the colour's 0 to 255.

    Chance is a function of the colour alone, so that a scene of eight bands has the plan of the one of three.
    """
    colour = np.asarray(rgb, "float32").ravel()
    rng = np.random.default_rng(zlib.crc32(colour.tobytes()))
    share, colours, other = DISGUISES.get(material, (0.0, GREEN, material))
    if rng.random() < share:
        colour = (rng.choice(colours) + rng.normal(0, 5) + rng.normal(0, 2, 3)).astype("float32")
        material = other
    slopes, constants = np.array(CURVES[material]).T
    beyond = (slopes * colour[0] + constants) * rng.normal(1, 0.08, 4)
    return np.array([*colour, 0.9 * colour[2], *beyond], "float32").reshape(-1, 1, 1)
