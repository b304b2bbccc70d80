"""GCJ-02, the shifted coordinates of Chinese web maps, and WGS 84.

Maps published in China are shifted by 100 to 700 m, by an amount that changes from place to place.
The formula was never published; the one used everywhere was read out of map programs, and agrees
with the maps within a metre or two. It holds in mainland China alone; `COVERED` is the rectangle
around it in which programs apply it.
"""

from __future__ import annotations

import numpy as np
from pyproj import Geod

from minecover.arrays import BoolArray, Float64Array

__all__ = ["COVERED", "shift_metres", "shifted", "unshifted"]

COVERED = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east and north in degrees, inside of which coordinates are shifted."""

CENTRE = (105.0, 35.0)
"""Longitude and latitude from which the polynomials are counted."""

AXIS, ECCENTRICITY = 6378245.0, 0.00669342162296594323
"""Semi-major axis in metres and squared eccentricity of Krassowsky's ellipsoid."""

STEPS = 12
"""Of the inversion; the shift changes by 1 in 500, so each gains nearly three digits."""

Points = tuple[Float64Array, Float64Array]


def shifted(longitude: Float64Array, latitude: Float64Array) -> Points:
    """Shift places as Chinese web maps do; those outside of `COVERED` stay.

    Parameters
    ----------
    longitude, latitude
        In degrees on WGS 84.
    """
    east, north = _shift(longitude, latitude)
    inside = _covered(longitude, latitude)
    return longitude + np.where(inside, east, 0.0), latitude + np.where(inside, north, 0.0)


def unshifted(longitude: Float64Array, latitude: Float64Array) -> Points:
    """Take the shift of Chinese web maps back, to far less than a millimetre.

    Parameters
    ----------
    longitude, latitude
        In degrees, of GCJ-02.
    """
    x, y = np.array(longitude, dtype=np.float64), np.array(latitude, dtype=np.float64)
    for _ in range(STEPS):
        there = shifted(x, y)
        x, y = x + (longitude - there[0]), y + (latitude - there[1])
    return x, y


def shift_metres(longitude: float, latitude: float) -> float:
    """Metres by which a place is shifted."""
    x, y = np.array([longitude]), np.array([latitude])
    there = shifted(x, y)
    return float(Geod(ellps="WGS84").inv(x, y, *there)[2][0])


def _covered(longitude: Float64Array, latitude: Float64Array) -> BoolArray:
    west, south, east, north = COVERED
    inside: BoolArray = (
        (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    )
    return inside


def _shift(longitude: Float64Array, latitude: Float64Array) -> Points:
    """Degrees of longitude and latitude by which a place of WGS 84 is shifted."""
    x, y = longitude - CENTRE[0], latitude - CENTRE[1]
    root, product = np.sqrt(np.abs(x)), x * y
    common = _waves(x, (20.0, 6.0), (20.0, 2.0))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * product + 0.1 * root
    east += common + _waves(x, (20.0, 1.0), (40.0, 1 / 3))
    east += _waves(x, (150.0, 1 / 12), (300.0, 1 / 30))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * product + 0.2 * root
    north += common + _waves(y, (20.0, 1.0), (40.0, 1 / 3))
    north += _waves(y, (160.0, 1 / 12), (320.0, 1 / 30))
    phi = np.radians(latitude)
    narrowing = 1 - ECCENTRICITY * np.sin(phi) ** 2
    across = AXIS / np.sqrt(narrowing) * np.cos(phi)
    along = AXIS * (1 - ECCENTRICITY) / narrowing**1.5
    return np.degrees(east / across), np.degrees(north / along)


def _waves(at: Float64Array, *waves: tuple[float, float]) -> Float64Array:
    """Two thirds of the sum of sines, each with its amplitude in metres and times pi per degree."""
    total: Float64Array = np.zeros_like(at)
    for amplitude, frequency in waves:
        total = total + amplitude * np.sin(np.pi * frequency * at)
    return total * 2.0 / 3.0
