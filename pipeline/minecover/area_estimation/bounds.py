"""95 % intervals of shares that a stratified sample estimates: within 0 and 1, never without width.

Olofsson et al. 2014 and Stehman 2014 take 1.96 standard errors on either side. That holds where
every stratum has points of both kinds. Areas of change are not so: one pixel in two hundred of a
stratum of nine tenths of the area weighs more than all that was mapped, and the sample has none of
it or one. Then the standard error says nothing about it, and the interval covers the truth in half
of all samples. So
shares of the area, their differences, and ratios of them (user's and producer's accuracy) have the
intervals of `score_interval`, which count what no point has shown.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from minecover.area_estimation.score_interval import mean_interval, ratio_interval
from minecover.arrays import BoolArray, Float64Array

__all__ = ["area_bounds", "difference_bounds", "ratio_bounds"]

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


def ratio_bounds(
    value: float,
    both: Float64Array,
    whole: Float64Array,
    possible: BoolArray,
    points: Float64Array,
    pixels: Float64Array,
) -> Bounds:
    """Give the 95 % interval of a share of a part of the area.

    Parameters
    ----------
    value
        The estimate, 0-1, which the interval holds in any case.
    both, whole
        (stratum,) points of the kind in that part, and points of that part.
    possible
        (3, stratum) whether pixels may be of the kind in the part, in it but not of the kind, and
        not in it.
    points, pixels
        (stratum,) all points and pixels.
    """
    counts = np.array([both, whole - both, points - whole])
    low, high = ratio_interval(counts, possible | (counts > 0), points, pixels)
    return min(low, value), max(high, value)
