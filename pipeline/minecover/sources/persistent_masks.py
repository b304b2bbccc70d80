"""Observations that a cloud mask takes out on nearly every date, looked at again.

Masks of single dates take bright bare ground for cloud and coal for shadow, on every date alike,
so that mines vanish. Clouds and shadows change from date to date; ground does not. A pixel is
looked at again where it is masked on nearly every date of the season (`NEARLY_ALL`, of at least
`FEWEST`), and masked observations are taken back as clear where all of this holds:

- They lie close together (`CLOSE` + `CLOSE_SHARE` of the reflectance, in both bands): around the
  date that has most others near, at least half of all dates, and at least `AGREEING`.
- They lie apart: of the dates up to `AROUND` times as far, `APART` are as close as that. Thin
  cloud of many thicknesses has no such gap.
- At least half of the dates that the mask calls clear, if there are any, lie there too: a pixel
  that is darker whenever it is clear was cloudy on the others.
- The short-wave infrared is brighter than the visible band by `REDDER`, as over soil, rock, rubble
  and coal. Cloud, snow, salt and water are darker there, and so is ground in shadow, which only the
  blue sky lights.

Dates that lie elsewhere stay masked, as clouds over a bright mine do. Nothing is looked at beyond
the pixel itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float32Array
from minecover.engines.compiled import compiled, read_only

__all__ = ["CLEAR", "MASKED", "UNSEEN", "persistent", "taken_back"]

UNSEEN, CLEAR, MASKED = np.uint8(0), np.uint8(1), np.uint8(2)
"""States of an observation: nodata or defective, clear by the mask, or not."""

FEWEST = 6
"""Dates on which a pixel was seen, below which nothing is concluded."""

NEARLY_ALL = 0.8
"""Share of them on which it is masked."""

AGREEING = 5
"""Dates that must lie close together."""

CLOSE, CLOSE_SHARE = 0.015, 0.08
"""Reflectance, and share of it, by which dates of one ground differ: moisture, haze, sun."""

AROUND, APART = 3.0, 0.75
"""How much farther is still near, and share of the dates that are near which must lie close."""

REDDER = 1.15
"""Least ratio of short-wave infrared to visible over bare ground."""

States = npt.NDArray[np.uint8]


def persistent(states: States) -> BoolArray:
    """Find the pixels that are masked on nearly every date.

    Parameters
    ----------
    states
        (date, y, x): `UNSEEN`, `CLEAR` or `MASKED`.

    Returns
    -------
    (y, x).
    """
    seen = np.count_nonzero(states != UNSEEN, axis=0)
    masked = np.count_nonzero(states == MASKED, axis=0)
    found: BoolArray = (seen >= FEWEST) & (masked >= NEARLY_ALL * seen)
    return found


def taken_back(states: States, visible: Float32Array, infrared: Float32Array) -> BoolArray:
    """Find the masked observations that are ground.

    Parameters
    ----------
    states
        (date, y, x): `UNSEEN`, `CLEAR` or `MASKED`.
    visible, infrared
        (date, y, x) reflectance of a band between green and red edge, and of one at 1.6 µm; NaN
        where nodata, which makes the date unseen.

    Returns
    -------
    (date, y, x).
    """
    known = np.where(np.isfinite(visible) & np.isfinite(infrared), states, UNSEEN)
    out = np.zeros(states.shape, np.bool_)
    places = np.argwhere(persistent(known))
    _take_back(read_only(known), read_only(visible), read_only(infrared), places, out)
    return out


@compiled
def _take_back(
    states: States,
    visible: Float32Array,
    infrared: Float32Array,
    places: npt.NDArray[np.int64],
    out: BoolArray,
) -> None:
    dates = states.shape[0]
    for n in range(places.shape[0]):
        y, x = places[n, 0], places[n, 1]
        best, most = -1, 0
        for centre in range(dates):
            if states[centre, y, x] != UNSEEN:
                there, _, _ = _counts(states, visible, infrared, y, x, centre)
                # of several the darkest: clouds are brighter than the ground
                darker = there == most and visible[centre, y, x] < visible[best, y, x]
                if there > most or darker:
                    best, most = centre, there
        there, around, clear_there = _counts(states, visible, infrared, y, x, best)
        seen, clear = 0, 0
        for date in range(dates):
            seen += 1 if states[date, y, x] != UNSEEN else 0
            clear += 1 if states[date, y, x] == CLEAR else 0
        agreed = there >= AGREEING and 2 * there >= seen and there >= APART * around
        is_ground = infrared[best, y, x] >= REDDER * visible[best, y, x]
        if agreed and is_ground and 2 * clear_there >= clear:
            for date in range(dates):
                if states[date, y, x] == MASKED:
                    away = _distance(visible, infrared, y, x, best, date)
                    out[date, y, x] = away <= 1.0


@compiled
def _counts(
    states: States, visible: Float32Array, infrared: Float32Array, y: int, x: int, centre: int
) -> tuple[int, int, int]:
    """Count the dates close to one of them, those around it, and the clear ones that are close."""
    there, around, clear = 0, 0, 0
    for date in range(states.shape[0]):
        if states[date, y, x] != UNSEEN:
            away = _distance(visible, infrared, y, x, centre, date)
            there += 1 if away <= 1.0 else 0
            around += 1 if away <= AROUND else 0
            clear += 1 if away <= 1.0 and states[date, y, x] == CLEAR else 0
    return there, around, clear


@compiled
def _distance(
    visible: Float32Array, infrared: Float32Array, y: int, x: int, centre: int, date: int
) -> float:
    """Difference between two dates, in the band where it is larger; 1: just as one ground does."""
    first, second = visible[centre, y, x], infrared[centre, y, x]
    by_visible = abs(visible[date, y, x] - first) / (CLOSE + CLOSE_SHARE * abs(first))
    by_infrared = abs(infrared[date, y, x] - second) / (CLOSE + CLOSE_SHARE * abs(second))
    return float(max(by_visible, by_infrared))
