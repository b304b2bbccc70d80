"""Intervals that hold for few points: closed forms that are never without width."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from minecover.arrays import Float64Array

__all__ = [
    "Z95",
    "effective_points",
    "f1_of_jaccard",
    "kappa_of_accuracy",
    "mean_of_independent",
    "paired_difference",
    "wilson",
]

Z95 = 1.959963984540054
"""Standard deviations on either side of a 95 % interval."""

Bounds = tuple[float, float]


def wilson(share: float, points: float) -> Bounds:
    """95 % score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).

    Parameters
    ----------
    share
        0-1.
    points
        Independent ones, of which it is a share; not always a whole number. NaN comes of 0.

    Examples
    --------
    >>> low, high = wilson(1.0, 8)
    >>> round(low, 3), high
    (0.676, 1.0)
    """
    if points <= 0:
        return float("nan"), float("nan")
    z2 = Z95**2 / points
    middle = (share + z2 / 2) / (1 + z2)
    half = Z95 / (1 + z2) * math.sqrt(share * (1 - share) / points + z2 / (4 * points))
    # rounding must not leave a hair between a share of all and 1
    low = 0.0 if share == 0 else max(middle - half, 0.0)
    return low, 1.0 if share == 1 else min(middle + half, 1.0)


def effective_points(sums: Float64Array, sizes: Float64Array, variance: float) -> float:
    """Count the independent points that blocks of points which are alike amount to.

    The points over the design effect, and fewer where few blocks tell it (Korn & Graubard 1998,
    Surv. Methodol. 24, 193-201); as many as there are blocks where all points are alike, since
    nothing then tells how alike those of a block are. Never more than the points, nor below 1.

    Parameters
    ----------
    sums, sizes
        (block,) sum of the points' values, and number of points.
    variance
        Of one point's value.
    """
    used = sizes > 0
    blocks, points = int(used.sum()), float(sizes.sum())
    if blocks < 2 or variance <= 0:
        return float(max(blocks, 1))
    residuals = sums[used] - sums.sum() / points * sizes[used]
    spread = blocks / (blocks - 1) * float(np.square(residuals).sum()) / points**2
    if spread <= 0:
        return float(blocks)
    few = (stdtrit(max(points - 1, 1), 0.975) / stdtrit(blocks - 1, 0.975)) ** 2
    return float(np.clip(variance / spread * few, 1.0, points))


def f1_of_jaccard(share: float) -> float:
    """F1 of TP / (TP + FP + FN), of which it is an increasing function."""
    return 2 * share / (1 + share)


def kappa_of_accuracy(bounds: Bounds, chance: float) -> Bounds:
    """Bounds of kappa from those of the overall accuracy, chance taken as known.

    As the standard error of Cohen (1960, Educ. Psychol. Meas. 20, 37-46) has it. NaN where chance
    alone agrees fully.
    """
    if chance >= 1:
        return float("nan"), float("nan")
    low, high = ((bound - chance) / (1 - chance) for bound in bounds)
    return max(low, -1.0), min(high, 1.0)


def mean_of_independent(values: Sequence[float], bounds: Sequence[Bounds]) -> Bounds:
    """Bounds of a mean from those of its parts (MOVER; Zou & Donner 2008, 10.1002/sim.3095).

    Parts that are NaN are left out.
    """
    known = [(v, low, high) for v, (low, high) in zip(values, bounds, strict=True) if v == v]
    if not known:
        return float("nan"), float("nan")
    mean = sum(value for value, _, _ in known) / len(known)
    below = math.sqrt(sum((value - low) ** 2 for value, low, _ in known)) / len(known)
    above = math.sqrt(sum((high - value) ** 2 for value, _, high in known)) / len(known)
    return max(mean - below, 0.0), min(mean + above, 1.0)


def paired_difference(gains: Sequence[float], points: float) -> Bounds:
    """Bounds of the difference of two shares at the same points.

    Half a point is added to each cell of the table (Agresti & Min 2005, 10.1002/sim.1781).

    Parameters
    ----------
    gains
        1 where only the first is right, -1 where only the second is, else 0.
    points
        Independent ones that they amount to.
    """
    scale = points / len(gains)
    first, second = (0.5 + scale * sum(gain == sign for gain in gains) for sign in (1, -1))
    whole = points + 2
    middle = (first - second) / whole
    half = Z95 * math.sqrt((first + second - (first - second) ** 2 / whole) / whole**2)
    return max(middle - half, -1.0), min(middle + half, 1.0)
