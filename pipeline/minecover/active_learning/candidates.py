"""Pixels drawn from a map by weight, in one pass, the same however the map is cut.

Weighted random sampling without replacement, Efraimidis and Spirakis 2006, Information Processing
Letters 97, 181-185, 10.1016/j.ipl.2005.11.003: each pixel draws a number u from its place and the
seed, and those with the greatest u^(1 / weight) are taken.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.arrays import Float32Array
from minecover.geography.grid import Window
from minecover.geography.pixel_numbers import pixel_numbers

__all__ = ["draw_candidates"]

Weights = Iterable[tuple[Window, Float32Array]]


def draw_candidates(weights: Weights, count: int, *, width: int, seed: int) -> pd.DataFrame:
    """Draw pixels by weight.

    Parameters
    ----------
    weights
        Windows of the map with the weight of each pixel, at least 0; one of 0 or NaN is not drawn.
        Each pixel once.
    count
        Pixels to draw; fewer where there are fewer.
    width
        Columns of the whole grid.
    seed
        The same seed draws the same pixels.

    Returns
    -------
    Columns row, col and weight, those with the greatest number first.
    """
    held = np.empty((0, 2))
    places = np.empty(0, dtype=np.int64)
    for window, values in weights:
        rows, columns = np.nonzero(np.nan_to_num(values) > 0)
        place = (rows + window.y0) * width + columns + window.x0
        weight = values[rows, columns].astype(np.float64)
        key = np.log(_uniform(place.astype(np.uint64), seed)) / weight
        held = np.concatenate([held, np.column_stack([key, weight])])
        places = np.concatenate([places, place])
        # by place where keys are equal: the order of the tiles decides nothing
        best = np.lexsort((places, -held[:, 0]))[:count]
        held, places = held[best], places[best]
    return pd.DataFrame({"row": places // width, "col": places % width, "weight": held[:, 1]})


def _uniform(place: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.float64]:
    """Give each place a number above 0 and below 1."""
    numbers = pixel_numbers(place, (seed, 1))  # others than those of a design of the same seed
    return np.asarray((numbers >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
