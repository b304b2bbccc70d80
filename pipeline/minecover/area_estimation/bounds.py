"""95 % intervals of shares that a stratified sample estimates: within 0 and 1, never without width.

Olofsson et al. 2014 and Stehman 2014 take 1.96 standard errors on either side. That holds where
every stratum has points of both kinds. Areas of change are not so: one pixel in two hundred of a
stratum of nine tenths of the area weighs more than all that was mapped, and the sample has none of
it or one. Then the standard error says nothing about it, and the interval covers the truth in half
of all samples. So

- the share of the area has the interval of `area_bounds`, which counts what no point has shown, and
  where all points of every stratum agree what `missed` leaves possible;
- a ratio of two shares (user's and producer's accuracy) has 1.96 standard errors as both papers
  have it, where it lies within 0 and 1, and else that of `ratio_bounds`.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import beta

from minecover.accuracy.scores import wilson
from minecover.arrays import BoolArray, Float64Array

__all__ = ["NO_WIDTH", "Z95", "area_bounds", "difference_bounds", "missed", "ratio_bounds"]

Z95 = 1.96
"""Standard errors on either side of a 95 % interval, as both papers take it."""

NO_WIDTH = 1e-9
"""Standard error that is zero but for rounding."""

TAIL = 0.025
"""Of a 95 % interval, on either side."""

NEUTRAL = 1 / 3
"""Points of a kind, and of none of it, that the prior adds to a stratum."""

HALF = 0.5
"""Share of an estimate beyond which it rests on the prior."""

Bounds = tuple[float, float]


def area_bounds(
    value: float, found: Float64Array, points: Float64Array, pixels: Float64Array
) -> Bounds:
    """Give the 95 % interval of a share of the area.

    In each stratum the share of the pixels that were not looked at has the beta distribution that
    follows from Kerman's neutral prior, a third of a point of either kind (2011, Electron. J. Stat.
    5, 1450-1470, 10.1214/11-EJS648), and how many of them there are the beta-binomial one. Mean and
    variance of all strata together are those of a beta distribution, whose quantiles are the
    interval. Pixels that are points are known: a stratum of which all are has no error, and no end
    of the interval is beyond what was seen. With many points of both kinds it comes to 1.96
    standard errors.

    Where the third of a point in strata that have none of the kind comes to more than half of the
    estimate, there is too little of it for them to say so: the lower end is then of what points
    have shown alone. Likewise the upper one, of what is not of the kind.

    Parameters
    ----------
    value
        The estimate, 0-1, which the interval holds in any case.
    found, points, pixels
        (stratum,) points of the kind, all points, and pixels.
    """
    low = _lower_end(value, found, points, pixels)
    high = 1.0 - _lower_end(1.0 - value, points - found, points, pixels)
    return min(low, value), max(high, value)


def _lower_end(
    value: float,
    found: Float64Array,
    points: Float64Array,
    pixels: Float64Array,
) -> float:
    unseen, total = pixels - points, float(pixels.sum())
    whole = float(unseen.sum())
    if whole == 0:
        return value
    none = found == 0
    from_prior = unseen * NEUTRAL / (points + 2 * NEUTRAL)
    shaky = float(from_prior[none].sum()) > HALF * value * total
    yes = found + np.where(none & shaky, 0.0, NEUTRAL)
    both = yes + points - found + NEUTRAL
    share = yes / both
    mean = float((unseen * share).sum()) / whole
    spread = unseen * share * (1 - share) * (both + unseen) / (both + 1)
    variance = float(spread.sum()) / whole**2
    if variance == 0:
        return float(found.sum() + whole * mean) / total
    size = mean * (1 - mean) / variance - 1
    if size < NO_WIDTH:  # one pixel that was not looked at: it is of the kind, or is not
        quantile = float(1 - mean < TAIL)
    else:
        quantile = float(beta.ppf(TAIL, mean * size, (1 - mean) * size))
    return (float(found.sum()) + whole * quantile) / total


def difference_bounds(
    value: float,
    more: Float64Array,
    less: Float64Array,
    points: Float64Array,
    pixels: Float64Array,
) -> Bounds:
    """Give the 95 % interval of a share of the area that is gained less one that is lost.

    As `area_bounds`, with a third of a point each of three kinds of pixels (gained, lost, neither)
    and 1.96 standard deviations on either side.

    Parameters
    ----------
    value
        The estimate, -1 to 1, which the interval holds in any case.
    more, less, points, pixels
        (stratum,) points gained, points lost, all points, and pixels.
    """
    unseen, total = pixels - points, float(pixels.sum())
    both = points + 3 * NEUTRAL
    gained, lost = (more + NEUTRAL) / both, (less + NEUTRAL) / both
    middle = float((more - less + unseen * (gained - lost)).sum()) / total
    spread = unseen * (both + unseen) * (gained + lost - (gained - lost) ** 2) / (both + 1)
    half = Z95 * math.sqrt(float(spread.sum())) / total
    return max(min(middle - half, value), -1.0), min(max(middle + half, value), 1.0)


def ratio_bounds(value: float, standard_error: float, unseen: Bounds) -> Bounds:
    """Give the 95 % interval of a ratio of two shares.

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
