"""95 % intervals of shares that a stratified sample estimates: within 0 and 1, never without width.

Olofsson et al. 2014 and Stehman 2014 take 1.96 standard errors on either side. Where a class is
rare or an accuracy high, that reaches beyond what a share can be, and where every point of every
stratum is alike the standard error is zero, which is no certainty.
"""

from __future__ import annotations

import math

import numpy as np

from minecover.accuracy.scores import wilson
from minecover.arrays import BoolArray, Float64Array

__all__ = ["Z95", "missed", "share_bounds"]

Z95 = 1.96
"""Standard errors on either side of a 95 % interval, as both papers take it."""

NO_WIDTH = 1e-9
"""Standard error that is zero but for rounding."""

Bounds = tuple[float, float]


def share_bounds(value: float, standard_error: float, unseen: Bounds) -> Bounds:
    """Give the 95 % interval of a share.

    As both papers have it, where it lies within 0 and 1; else by the logit of the share (Korn &
    Graubard 1998, Surv. Methodol. 24, 193-201); without a standard error, by what may have been
    missed.

    Parameters
    ----------
    value, standard_error
        0-1.
    unseen
        Bounds for a standard error of zero.
    """
    if standard_error <= NO_WIDTH:
        return min(unseen[0], value), max(unseen[1], value)
    low, high = value - Z95 * standard_error, value + Z95 * standard_error
    if low >= 0 and high <= 1:
        return low, high
    half = Z95 * standard_error / (value * (1 - value))
    middle = math.log(value / (1 - value))
    return _inverse_logit(middle - half), _inverse_logit(middle + half)


def _inverse_logit(number: float) -> float:
    return 0.5 + 0.5 * math.tanh(number / 2)


def missed(
    weight: Float64Array, points: Float64Array, census: BoolArray, part: Float64Array
) -> float:
    """Bound the share of the area that is of something of which no point is.

    The upper end of Wilson's interval for none of so many points, times the area that they stand
    for. Strata of which all pixels are points miss nothing.

    Parameters
    ----------
    weight, points, census
        (stratum,) share of the area, number of points, and whether these are all its pixels.
    part
        (stratum,) share of the points where it could have been.
    """
    open_part = np.where(census, 0.0, part)
    area, there = weight * open_part, points * open_part
    used = there > 0
    if not used.any():
        return 0.0
    # points that a simple random sample would need for the same variance of a share
    effective = area.sum() ** 2 / (area[used] ** 2 / there[used]).sum()
    return float(area.sum()) * wilson(0.0, float(effective))[1]
