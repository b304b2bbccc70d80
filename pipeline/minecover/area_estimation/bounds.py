"""95 % intervals of shares that a stratified sample estimates: within 0 and 1, never without width.

Olofsson et al. 2014 and Stehman 2014 take 1.96 standard errors on either side. That holds where
every stratum has points of both kinds. Areas of change are not so: one pixel in two hundred of a
stratum of nine tenths of the area weighs more than all that was mapped, and the sample has none of
it or one. Then the standard error says nothing about it, and the interval covers the truth in half
of all samples. So

- the share of the area has the interval of `area_bounds`, which counts what no point has shown;
- a ratio of two shares (user's and producer's accuracy) has 1.96 standard errors as both papers
  have it, where it lies within 0 and 1, and else that of `ratio_bounds`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from minecover.area_estimation.score_interval import mean_interval
from minecover.arrays import BoolArray, Float64Array

__all__ = ["NO_WIDTH", "Z95", "area_bounds", "difference_bounds", "missed", "ratio_bounds"]

Z95 = 1.96
"""Standard errors on either side of a 95 % interval, as both papers take it."""

NO_WIDTH = 1e-9
"""Standard error that is zero but for rounding."""

SHARE, DIFFERENCE = np.array([1.0, 0.0]), np.array([1.0, -1.0, 0.0])
"""Numbers that kinds of pixels have."""

Bounds = tuple[float, float]


def area_bounds(
    value: float, found: Float64Array, points: Float64Array, pixels: Float64Array
) -> Bounds:
    """Give the 95 % interval of a share of the area.

    That of `score_interval`, of a number which is 1 or 0. No end is beyond what was seen: pixels
    that are points are known.

    Parameters
    ----------
    value
        The estimate, 0-1, which the interval holds in any case.
    found, points, pixels
        (stratum,) points of the kind, all points, and pixels.
    """
    total = float(pixels.sum())
    low, high = _interval(SHARE, np.array([found, points - found]), points, pixels)
    least, most = float(found.sum()) / total, 1 - float((points - found).sum()) / total
    return min(max(low, least), value), max(min(high, most), value)


def difference_bounds(
    value: float,
    more: Float64Array,
    less: Float64Array,
    points: Float64Array,
    pixels: Float64Array,
) -> Bounds:
    """Give the 95 % interval of a share of the area that is gained less one that is lost.

    As `area_bounds`, of a number which is 1, -1 or 0.

    Parameters
    ----------
    value
        The estimate, -1 to 1, which the interval holds in any case.
    more, less, points, pixels
        (stratum,) points gained, points lost, all points, and pixels.
    """
    counts = np.array([more, less, points - more - less])
    low, high = _interval(DIFFERENCE, counts, points, pixels)
    return max(min(low, value), -1.0), min(max(high, value), 1.0)


def _interval(
    values: Float64Array, counts: Float64Array, points: Float64Array, pixels: Float64Array
) -> Bounds:
    """Give `mean_interval`, once for the same points: most classes are not in most units."""
    same = [tuple(array.ravel().tolist()) for array in (values, counts, points, pixels)]
    return _interval_of(*same)


@lru_cache(maxsize=4096)
def _interval_of(*arrays: tuple[float, ...]) -> Bounds:
    values, counts, points, pixels = (np.array(array) for array in arrays)
    return mean_interval(values, counts.reshape(len(values), -1), points, pixels)


def ratio_bounds(value: float, standard_error: float) -> Bounds:
    """Give the 95 % interval of a ratio of two shares.

    As both papers have it, where it lies within 0 and 1; else by the logit of the share (Korn &
    Graubard 1998, Surv. Methodol. 24, 193-201).

    Parameters
    ----------
    value, standard_error
        Between 0 and 1.
    """
    low, high = value - Z95 * standard_error, value + Z95 * standard_error
    if low >= 0 and high <= 1:
        return low, high
    half = Z95 * standard_error / (value * (1 - value))
    middle = math.log(value / (1 - value))
    return _inverse_logit(middle - half), _inverse_logit(middle + half)


def _inverse_logit(number: float) -> float:
    return 0.5 + 0.5 * math.tanh(number / 2)


def missed(
    pixels: Float64Array, points: Float64Array, census: BoolArray, part: Float64Array
) -> float:
    """Bound the share of the area that is of something of which no point is.

    The upper end of the interval of an area of which none of the points is that could be. Strata of
    which all pixels are points miss nothing.

    Parameters
    ----------
    pixels, points, census
        (stratum,) pixels, points, and whether these are all of them.
    part
        (stratum,) share of the points where it could have been.
    """
    used = ~census & (points * part > 0)
    if not used.any():
        return 0.0
    area, there = (pixels * part)[used], (points * part)[used]
    high = area_bounds(0.0, np.zeros_like(there), there, area)[1]
    return high * float(area.sum() / pixels.sum())
