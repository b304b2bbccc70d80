"""Classes, the materials that they are made of, and typical spectra of those materials.

Reflectances are **simulated: typical values in the bands of Sentinel-2**. They are round numbers
for common green canopies, litter, soils, rock, coal and roofs, and were not measured anywhere. A
surface is a background (soil, rock, roof) partly hidden by green and by dry plants: a linear
mixture whose shares change through the year.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

__all__ = ["BANDS", "CLASSES", "MATERIALS", "SPECTRA", "Land", "Material", "code_of", "cover"]

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


class Land(IntEnum):
    """The paper's six classes and their codes in the truth."""

    FOREST_GRASS = 1
    WATER = 2
    BUILT_UP = 3
    BARE_LAND = 4
    MINING = 5
    RESTORED = 6


#: Name and colour of each class, in the order of the codes.
CLASSES: dict[Land, tuple[str, str]] = {
    Land.FOREST_GRASS: ("forest_grass", "#4f8a3c"),
    Land.WATER: ("water", "#2f6fb0"),
    Land.BUILT_UP: ("built_up", "#c4463a"),
    Land.BARE_LAND: ("bare_land", "#d9c08c"),
    Land.MINING: ("mining", "#5b5560"),
    Land.RESTORED: ("restored", "#9bc53d"),
}

#: Surface reflectance of pure covers, bands in the order of `BANDS`.
SPECTRA: dict[str, tuple[float, ...]] = {
    "grass": (0.030, 0.062, 0.042, 0.105, 0.265, 0.320, 0.340, 0.360, 0.205, 0.105),
    "shrub": (0.026, 0.052, 0.034, 0.090, 0.250, 0.310, 0.330, 0.350, 0.180, 0.085),
    "broadleaf": (0.020, 0.046, 0.025, 0.078, 0.265, 0.335, 0.355, 0.375, 0.160, 0.070),
    "conifer": (0.020, 0.034, 0.023, 0.052, 0.140, 0.170, 0.182, 0.192, 0.092, 0.042),
    "litter": (0.070, 0.102, 0.140, 0.170, 0.198, 0.218, 0.238, 0.258, 0.325, 0.240),
    "overburden": (0.118, 0.150, 0.182, 0.200, 0.212, 0.222, 0.234, 0.246, 0.312, 0.288),
    "loess": (0.105, 0.152, 0.200, 0.230, 0.250, 0.268, 0.288, 0.308, 0.378, 0.330),
    "sand": (0.140, 0.200, 0.258, 0.288, 0.308, 0.326, 0.346, 0.366, 0.442, 0.398),
    "rock": (0.118, 0.148, 0.180, 0.198, 0.208, 0.218, 0.228, 0.238, 0.288, 0.264),
    "shale": (0.095, 0.115, 0.135, 0.148, 0.156, 0.162, 0.170, 0.178, 0.222, 0.208),
    "gangue": (0.068, 0.078, 0.088, 0.096, 0.102, 0.107, 0.113, 0.118, 0.148, 0.140),
    "coal": (0.036, 0.038, 0.040, 0.042, 0.044, 0.046, 0.048, 0.050, 0.062, 0.060),
    "gravel": (0.165, 0.200, 0.232, 0.250, 0.260, 0.270, 0.280, 0.290, 0.330, 0.300),
    "concrete": (0.215, 0.235, 0.250, 0.258, 0.262, 0.266, 0.270, 0.274, 0.285, 0.272),
    "asphalt": (0.080, 0.086, 0.092, 0.097, 0.101, 0.106, 0.111, 0.116, 0.142, 0.138),
    "tiles": (0.072, 0.096, 0.170, 0.205, 0.222, 0.236, 0.250, 0.260, 0.270, 0.238),
    "metal": (0.285, 0.262, 0.222, 0.204, 0.206, 0.218, 0.236, 0.250, 0.252, 0.205),
    "clear_water": (0.032, 0.030, 0.021, 0.016, 0.011, 0.010, 0.008, 0.008, 0.004, 0.003),
    "turbid_water": (0.058, 0.080, 0.072, 0.062, 0.036, 0.033, 0.030, 0.028, 0.010, 0.007),
}

Cover = tuple[float, float, float, float]
_BARE: Cover = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Material:
    """What a pixel of the scene is made of.

    Attributes
    ----------
    land
        The class that it belongs to.
    background, plant
        Spectra of the background and of the green plants on it.
    green, dry
        Share of ground hidden by green and by dry plants in the middle of spring, summer, autumn
        and winter (days 121, 207, 288 and 15 of the year).
    vv, vh
        Gamma nought of C band in spring, dB.
    light
        Radiance at night in the middle of a large patch, 1e-4 W m-2 sr-1 um-1.
    """

    land: Land
    background: str
    vv: float
    vh: float
    plant: str = "grass"
    green: Cover = field(default=_BARE)
    dry: Cover = field(default=_BARE)
    light: float = 0.0


_WASTE: Cover = (0.01, 0.03, 0.01, 0.0)

MATERIALS: dict[str, Material] = {
    "grassland": Material(
        Land.FOREST_GRASS, "loess", -13.5, -20.5, "grass",
        (0.19, 0.48, 0.21, 0.02), (0.32, 0.20, 0.36, 0.46),
    ),
    "shrubland": Material(
        Land.FOREST_GRASS, "loess", -12.0, -18.5, "shrub",
        (0.24, 0.56, 0.29, 0.05), (0.28, 0.15, 0.30, 0.42),
    ),
    "broadleaf": Material(
        Land.FOREST_GRASS, "loess", -10.5, -16.0, "broadleaf",
        (0.24, 0.78, 0.36, 0.03), (0.42, 0.10, 0.38, 0.52),
    ),
    "conifer": Material(
        Land.FOREST_GRASS, "loess", -10.5, -16.0, "conifer",
        (0.50, 0.62, 0.56, 0.46), (0.15, 0.12, 0.15, 0.20),
    ),
    "clear_water": Material(Land.WATER, "clear_water", -19.5, -27.5),
    "turbid_water": Material(Land.WATER, "turbid_water", -18.5, -26.5),
    "roof_concrete": Material(Land.BUILT_UP, "concrete", -4.0, -12.0, light=14.0),
    "roof_tiles": Material(Land.BUILT_UP, "tiles", -5.5, -13.5, light=10.0),
    "roof_metal": Material(Land.BUILT_UP, "metal", -3.0, -12.0, light=16.0),
    "street": Material(Land.BUILT_UP, "asphalt", -12.0, -19.5, light=20.0),
    "yard": Material(
        Land.BUILT_UP, "loess", -11.0, -17.5, "grass",
        (0.08, 0.18, 0.10, 0.01), (0.12, 0.10, 0.14, 0.16), light=8.0,
    ),
    "garden": Material(
        Land.BUILT_UP, "loess", -9.5, -15.5, "broadleaf",
        (0.20, 0.58, 0.30, 0.04), (0.25, 0.10, 0.22, 0.32), light=5.0,
    ),
    "bare_soil": Material(
        Land.BARE_LAND, "loess", -14.5, -22.0, "grass",
        (0.07, 0.17, 0.07, 0.0), (0.11, 0.10, 0.15, 0.17),
    ),
    "bare_sand": Material(
        Land.BARE_LAND, "sand", -15.5, -23.5, "grass",
        (0.05, 0.12, 0.05, 0.0), (0.08, 0.07, 0.11, 0.12),
    ),
    "bare_rock": Material(
        Land.BARE_LAND, "rock", -12.5, -20.0, "shrub",
        (0.07, 0.17, 0.07, 0.01), (0.12, 0.10, 0.15, 0.17),
    ),
    "bench": Material(Land.MINING, "overburden", -12.5, -20.5, "grass", _WASTE, light=5.0),
    "face": Material(Land.MINING, "shale", -9.5, -18.0, light=5.0),
    "coal": Material(Land.MINING, "coal", -13.0, -21.5, light=9.0),
    "coal_floor": Material(Land.MINING, "gangue", -12.0, -20.5, light=10.0),
    "haul_road": Material(Land.MINING, "gravel", -14.0, -22.5, light=9.0),
    "spoil": Material(
        Land.MINING, "overburden", -11.0, -19.0, "grass",
        (0.02, 0.06, 0.02, 0.0), (0.02, 0.03, 0.04, 0.04), light=3.5,
    ),
    "spoil_loess": Material(
        Land.MINING, "loess", -12.0, -20.0, "grass",
        (0.02, 0.05, 0.02, 0.0), (0.03, 0.04, 0.04, 0.04), light=3.5,
    ),
    "planted_young": Material(
        Land.RESTORED, "loess", -12.5, -19.5, "shrub",
        (0.06, 0.54, 0.38, 0.02), (0.18, 0.10, 0.22, 0.27), light=0.5,
    ),
    "planted_old": Material(
        Land.RESTORED, "loess", -12.0, -18.8, "shrub",
        (0.10, 0.66, 0.43, 0.03), (0.25, 0.12, 0.24, 0.34), light=0.5,
    ),
    "between_rows": Material(
        Land.RESTORED, "rock", -13.0, -20.8, "grass",
        (0.02, 0.14, 0.10, 0.01), (0.08, 0.08, 0.10, 0.12), light=0.5,
    ),
    "berm": Material(
        Land.RESTORED, "loess", -12.0, -20.0, "grass",
        (0.03, 0.10, 0.05, 0.0), (0.08, 0.08, 0.10, 0.10), light=0.5,
    ),
}  # fmt: skip

_CODES = {name: code for code, name in enumerate(MATERIALS)}
_MIDDLES = np.array([121.0, 207.0, 288.0, 380.0])


def code_of(name: str) -> np.uint8:
    """Code of a material in the raster of the scene."""
    return np.uint8(_CODES[name])


def cover(name: str, day: float) -> npt.NDArray[np.float32]:
    """Share of ground hidden by plants on a day of the year, per material.

    Parameters
    ----------
    name
        ``"green"`` or ``"dry"``.
    day
        Day of the year, 1 to 366; between the middles of the seasons shares are interpolated.

    Returns
    -------
    numpy.ndarray
        float32, one value (0 to 1) per material in the order of `MATERIALS`.
    """
    shares = [
        np.interp(day, _MIDDLES, getattr(material, name), period=365.0)
        for material in MATERIALS.values()
    ]
    return np.array(shares, dtype=np.float32)
