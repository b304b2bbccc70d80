"""How ground that was given up recovers, held against undisturbed ground of the same period.

The *deficit* of a stand in a period is the median index of its reference less its own, so what
drought or an early spring does to both is not taken for recovery. The *recovered share* is

    R(t) = 1 - deficit(t) / deficit(t0),

with t0 the last period in which it was mined. Years to recovery are those from t0 until R is 0.8
for the first time, between periods by a straight line: Y2R of White et al. 2017 (Remote Sens.
Environ. 194, 303-321, 10.1016/j.rse.2017.03.035), which is the time until NBR has 80 % of its value
before the disturbance. The value before is that of undisturbed surroundings here, since most mines
are older than the images. Where R is not yet 0.8 it goes on along a straight line, as segments of
recovery do in Kennedy et al. 2010 (Remote Sens. Environ. 114, 2897-2910,
10.1016/j.rse.2010.07.008), here with the median of the slopes between all pairs of periods since t0
(Theil-Sen): such years are projected.

The interval of the years is that between the curves of the upper and the lower quartile of a
stand's pixels: a quarter of it is faster and a quarter slower. It tells how unlike the ground is,
and holds no error of sampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from minecover.arrays import Float64Array

__all__ = ["RECOVERED", "Recovery", "Years", "recovery_of"]

RECOVERED = 0.8
"""Recovered share from which ground is recovered."""

CONTRAST = 0.05
"""Deficit in the last mined period, at least; in seasons with less nothing is seen of recovery."""

RELAPSE = 0.2
"""Recovered share that is lost since its greatest where ground relapses."""

STALL = 0.02
"""Recovered share a year below which ground stalls, from the last period but one to the last."""


@dataclass(frozen=True)
class Years:
    """Years from the last mined period to recovery.

    Attributes
    ----------
    value
        Of the median; NaN: never, as it goes.
    low, high
        Of the upper and the lower quartile; NaN as above.
    projected
        Whether the median is not there yet.
    """

    value: float
    low: float
    high: float
    projected: bool


@dataclass(frozen=True)
class Recovery:
    """Recovery of a stand in one layer.

    Attributes
    ----------
    share
        (period,) recovered share of the median; NaN before the last mined period and where nothing
        is known.
    state
        ``recovered``; ``declined``: farther from the reference than when it was mined, as under
        water; ``relapsed``: it had a share greater by `RELAPSE`; ``stalled``;
        ``recovering``; ``too early``: there is but one period since; ``no contrast``: the season
        shows none.
    years
        To recovery; None where there is no contrast.
    """

    share: Float64Array
    state: str
    years: Years | None


def recovery_of(
    own: Float64Array, reference: Float64Array, years: Float64Array, last: int
) -> Recovery:
    """Follow the recovery of a stand.

    Parameters
    ----------
    own
        (quartile, period) lower quartile, median and upper quartile of the index of its pixels.
    reference
        (period,) median of the index of its reference.
    years
        (period,) their middles, as 2021.5.
    last
        Position of the period in which it was mined last.
    """
    deficit = reference - own
    first = deficit[1, last]
    share = np.full(len(years), np.nan)
    if not first >= CONTRAST:  # nor if it is not known
        return Recovery(share, "no contrast", None)
    curves = 1 - deficit[:, last:] / first
    share[last:] = curves[1]
    times = years[last:] - years[last]
    slow, middle, fast = (_years(curve, times) for curve in curves)
    projected = not (curves[1] >= RECOVERED).any()
    return Recovery(share, _state(curves[1], times), Years(middle, fast, slow, projected))


def _state(curve: Float64Array, times: Float64Array) -> str:
    known = np.isfinite(curve)
    curve, times = curve[known], times[known]
    if len(curve) < 2:
        return "too early"
    if curve[-1] < 0:
        return "declined"
    if curve.max() - curve[-1] >= RELAPSE:
        return "relapsed"
    if curve[-1] >= RECOVERED:
        return "recovered"
    if len(curve) < 3:
        return "too early"
    gained = (curve[-1] - curve[-2]) / (times[-1] - times[-2])
    return "stalled" if gained < STALL else "recovering"


def _years(curve: Float64Array, times: Float64Array) -> float:
    """Years until a curve reaches `RECOVERED`, by lines between periods, then by its slope."""
    known = np.isfinite(curve)
    curve, times = curve[known], times[known]
    there = np.flatnonzero(curve >= RECOVERED)
    if len(there):
        after = int(there[0])
        if after == 0:
            return 0.0
        before = after - 1
        part = (RECOVERED - curve[before]) / (curve[after] - curve[before])
        return float(times[before] + part * (times[after] - times[before]))
    slopes = [
        (curve[j] - curve[i]) / (times[j] - times[i]) for i, j in combinations(range(len(curve)), 2)
    ]
    slope = float(np.median(slopes)) if slopes else 0.0
    return float(times[-1] + (RECOVERED - curve[-1]) / slope) if slope > 0 else float("nan")
