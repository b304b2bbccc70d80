"""The maps of a survey's periods, as everything that follows mines in time reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float32Array, Float64Array
from minecover.geography.grid import Window

__all__ = ["Codes", "Timeline"]

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Timeline:
    """Maps and layers of periods in order of time.

    Attributes
    ----------
    names
        Of the periods.
    days
        First and last day of each, YYYY-MM-DD.
    codes
        Reads class codes of a window, which may leave the grid, (period, y, x) uint8; 0 for
        nodata and outside of the area.
    probability
        Reads the probability (0-1) of named classes together in a window of the grid in one
        period, (y, x); NaN for nodata.
    colours
        Reads red, green and blue of a window of the grid in one period, (3, y, x), NaN for nodata;
        None: no source shows the ground as eyes see it.
    layer_names, layers
        Names of the layers of features and their reader: a window that may leave the grid, the
        period and names of layers give (layer, y, x), NaN for nodata.
    """

    names: tuple[str, ...]
    days: tuple[tuple[str, str], ...]
    codes: Callable[[Window], Codes]
    probability: Callable[[Window, int, Sequence[str]], Float32Array]
    colours: Callable[[Window, int], Float32Array] | None
    layer_names: tuple[str, ...]
    layers: Callable[[Window, int, Sequence[str]], Float32Array]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def years(self) -> Float64Array:
        """Middle of each period in years, as 2021.5."""
        return np.array([(_year(first) + _year(last)) / 2 for first, last in self.days])

    def mined(self, window: Window, codes: Collection[int]) -> BoolArray:
        """Tell which pixels of a window are of some classes, (period, y, x)."""
        return np.isin(self.codes(window), np.array(sorted(codes), dtype=np.uint8))


def _year(day: str) -> float:
    date = np.datetime64(day)
    first = date.astype("datetime64[Y]")
    start, end = (year.astype("datetime64[D]") for year in (first, first + 1))
    return 1970 + int(first.astype(np.int64)) + float((date - start) / (end - start))
