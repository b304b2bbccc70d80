"""Numbers of a raster: which are nodata, by one rule for all sources and readers.

A number is nodata where the file says so (its nodata value, in the file or beside it, a mask or a
band of opacity: see `masks`), where the item says so, where the sensor has no such number, and
where it is not finite. Whether values are linear or decibels makes no difference.
"""

from __future__ import annotations

import numpy as np

from minecover.arrays import Float32Array

__all__ = ["take_out_nodata"]


def take_out_nodata(values: Float32Array, numbers: Float32Array, *nodata: float | None) -> None:
    """Make values NaN where the numbers that they come from are nodata.

    Parameters
    ----------
    values
        Changed in place.
    numbers
        As read, of the same shape.
    *nodata
        Numbers that are none, of the item and of the sensor; None: there is no such number.
    """
    with np.errstate(over="ignore"):  # a number beyond float32 is read as infinite
        known = [np.float32(number) for number in nodata if number is not None]
    for number in known:
        values[numbers == number] = np.nan
    values[~np.isfinite(numbers)] = np.nan
