"""What kernels must know of an image's pixels: their size, and the range of their values."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from minecover.api.arguments import number
from minecover.arrays import Float32Array
from minecover.errors import DataError, SurveyError
from minecover.features.texture_range import RANGE_PIXELS, percentile_range

__all__ = ["pixel_edges", "range_of_levels"]

_SQUARE = 512


def range_of_levels(
    image: xr.DataArray,
    value_range: tuple[float, float] | None,
    percentiles: tuple[float, float],
) -> tuple[float, float]:
    """Low and high end of what is divided into grey levels, as it was given or as it is found.

    Raises
    ------
    SurveyError
        `value_range` or `percentiles` are none.
    DataError
        There is none to be found.
    """
    if value_range is None:
        return _found_range(image, percentiles)
    ends = _two("value_range", value_range)
    if not -math.inf < ends[0] < ends[1] < math.inf:
        raise SurveyError(f"value_range is {value_range}; give two finite values, the lower first")
    return ends[0], ends[1]


def _two(name: str, values: object) -> tuple[float, float]:
    """Take the two numbers of an argument."""
    if not isinstance(values, list | tuple | np.ndarray) or len(values) != 2:
        raise SurveyError(f"{name} is {values}; give two numbers")
    return number(name, values[0]), number(name, values[1])


def _found_range(image: xr.DataArray, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Find the percentiles of an image as a run finds those of its cube.

    They are of whole squares at even steps, of at most `RANGE_PIXELS` pixels of each place along
    the leading dims.
    """
    low, high = _two("percentiles", percentiles)
    if not 0 <= low < high <= 100:
        raise SurveyError(f"percentiles are {percentiles}; give two of 0 to 100, the lower first")
    if "band" in image.dims:
        raise DataError(
            "band has several bands, which have no range in common: choose one, as by "
            "bands.sel(band='B08'), or give value_range"
        )
    rows, columns = image.shape[-2:]
    corners = list(product(range(0, rows, _SQUARE), range(0, columns, _SQUARE)))
    step = max(1, len(corners) * _SQUARE**2 // RANGE_PIXELS)
    squares = [
        image.data[..., top : top + _SQUARE, left : left + _SQUARE] for top, left in corners[::step]
    ]
    valid = np.concatenate([square[np.isfinite(square)] for square in _computed(squares)])
    if valid.size == 0:
        raise DataError(
            f"band has no valid pixel in the {len(squares)} squares that were looked at to find "
            "its range; give value_range"
        )
    return percentile_range(valid, percentiles)


def _computed(arrays: list[Any]) -> tuple[Float32Array, ...]:
    if isinstance(arrays[0], np.ndarray):
        return tuple(arrays)
    import dask  # takes long to import

    computed: tuple[Float32Array, ...] = dask.compute(*arrays)
    return computed


def pixel_edges(
    image: xr.DataArray, resolution: float | tuple[float, float] | None
) -> tuple[float, float]:
    """Width and height of a pixel in metres, from what was given or from the coordinates.

    Raises
    ------
    DataError
        The CRS is not in metres, south is at the top, or the coordinates do not say.
    """
    rows, columns = image.dims[-2:]
    down = _step(image, rows)
    if down is not None and down > 0:
        raise DataError(
            f"elevation has south at the top: give elevation.sortby({rows!r}, ascending=False)"
        )
    if isinstance(resolution, list | tuple | np.ndarray):
        return _two("resolution", resolution)
    if resolution is not None:
        edge = number("resolution", resolution)
        return edge, edge
    across = _step(image, columns)
    _check_metres(image)
    if down is None or across is None:
        raise DataError(
            f"elevation has no evenly spaced coordinates {rows} and {columns}; "
            "give resolution, the edge of a pixel in metres"
        )
    return across, -down


def _step(image: xr.DataArray, axis: object) -> float | None:
    """Even step of a coordinate to a micrometre, None where there is none."""
    if axis not in image.coords or image.sizes[axis] < 2:
        return None
    places = image[axis].values.astype(np.float64)
    step = (places[-1] - places[0]) / (places.size - 1)
    even = np.allclose(np.diff(places), step, rtol=1e-3, atol=0.0)
    return round(float(step), 6) if even else None


def _check_metres(image: xr.DataArray) -> None:
    import rioxarray  # noqa: F401 - brings the accessor; takes long to import

    crs = image.rio.crs
    if crs is None or not crs.is_projected or crs.linear_units_factor[1] != 1.0:
        was = "no CRS" if crs is None else f"the CRS {crs.to_string()}, which is not in metres"
        raise DataError(
            f"elevation has {was}; give resolution, the edge of a pixel in metres, or reproject it "
            "to a CRS in metres, as by elevation.rio.reproject(elevation.rio.estimate_utm_crs())"
        )
