"""Images as arguments: DataArrays checked, laid out for kernels, and given back with what they had.

Values are computed in float32. Floats of other widths are rounded to it, integers of 8 and 16 bits
fit into it; wider integers, booleans, complex numbers and objects are refused. Nodata is NaN or an
infinite value, which becomes NaN; so does a value that the attributes of floats declare as nodata
(`_FillValue`, `missing_value`, `nodata`), unless it is 0, which attributes often keep after it was
masked and the rest was rescaled.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import xarray as xr

from minecover.api.blocks import AnyArray, BlockKernel
from minecover.errors import DataError

__all__ = ["as_image", "check_data_array", "derived", "with_features"]

_AXES = (("y", "x"), ("latitude", "longitude"), ("lat", "lon"))
_NODATA = ("_FillValue", "missing_value", "nodata")
_OF_VALUES = {
    "units", "long_name", "standard_name", "description", "actual_range",
    "valid_min", "valid_max", "valid_range", "scale_factor", "add_offset",
}  # fmt: skip
"""Attributes that say something about values, and nothing about other values made from them."""


def check_data_array(value: object, name: str) -> xr.DataArray:
    """Return an argument that is a DataArray.

    Raises
    ------
    DataError
        It is something else.
    """
    if isinstance(value, xr.DataArray):
        return value
    hint = " (one variable of it, or `.to_dataarray('band')`)" * isinstance(value, xr.Dataset)
    raise DataError(f"{name} is a {type(value).__name__}; give an xarray.DataArray{hint}")


def as_image(value: object, name: str, *inner: str) -> xr.DataArray:
    """Check an argument and lay it out for kernels.

    Parameters
    ----------
    value
        A DataArray of any dims; rows and columns are called y and x, latitude and longitude, or lat
        and lon.
    name
        Of the argument.
    inner
        Other dims that it must have.

    Returns
    -------
    float32 of dims (…, *inner, rows, columns), NaN for nodata and what is infinite; lazy where
    `value` is.

    Raises
    ------
    DataError
        It is no image, or holds what float32 does not.
    """
    array = check_data_array(value, name)
    axes = _rows_and_columns(array, name)
    missing = [dim for dim in inner if dim not in array.dims]
    if missing:
        raise DataError(f"{name} has dims {_listed(array)}; it needs {' and '.join(missing)} too")
    if 0 in array.shape:
        raise DataError(f"{name} is empty: its shape is {dict(array.sizes)}")
    return _as_float32(array.transpose(..., *inner, *axes), name)


def derived(
    image: xr.DataArray, data: AnyArray, dims: Sequence[Hashable], name: str | None = None
) -> xr.DataArray:
    """Give values made from an image its coordinates, CRS and attributes.

    Parameters
    ----------
    image
        What they are made from.
    data
        The values.
    dims
        Of `data`; what lies along other dims of the image is left out.
    name
        Of the quantity that they are; None: the image's, whose unit and meaning they keep.
    """
    gone = {dim: 0 for dim in image.dims if dim not in dims}
    coords = image.coords.to_dataset().isel(gone, drop=True, missing_dims="ignore").coords
    dropped = {*_NODATA, *(_OF_VALUES if name else ())}
    attrs = {key: value for key, value in image.attrs.items() if key not in dropped}
    result = xr.DataArray(data, coords, dims, name or image.name, attrs)
    if "grid_mapping" in image.encoding:
        result.encoding["grid_mapping"] = image.encoding["grid_mapping"]
    return result


def with_features(
    image: xr.DataArray, kernel: BlockKernel, units: Mapping[str, str], replaces: str | None = None
) -> xr.DataArray:
    """Compute features of an image, with their names and units along the dim `feature`.

    Parameters
    ----------
    image
        (…, rows, columns).
    kernel
        Gives the features before rows and columns.
    units
        Of each feature by name.
    replaces
        Dim of the image that becomes `feature`.

    Raises
    ------
    DataError
        The image has a dim called feature.
    """
    if "feature" in image.dims:
        raise DataError(
            "the image has a dim called feature, as the result will have: rename it, or choose one"
        )
    dims = [dim for dim in image.dims if dim != replaces]
    dims.insert(-2, "feature")
    image = image.drop_vars({"feature", "units"} & set(image.coords))
    result = derived(image, kernel.map(image.data), dims, kernel.name)
    return result.assign_coords(
        feature=("feature", list(units)), units=("feature", list(units.values()))
    )


def _rows_and_columns(array: xr.DataArray, name: str) -> tuple[str, str]:
    for axes in _AXES:
        if set(axes) <= set(array.dims):
            return axes
    raise DataError(
        f"{name} has dims {_listed(array)}; rows and columns must be called y and x (or latitude "
        f"and longitude, lat and lon): rename them, as in {name}.rename(row='y', col='x')"
    )


def _listed(array: xr.DataArray) -> str:
    return ", ".join(map(str, array.dims)) or "none"


def _as_float32(array: xr.DataArray, name: str) -> xr.DataArray:
    kind, width = array.dtype.kind, array.dtype.itemsize
    nodata = _declared_nodata(array.attrs)
    if kind not in "fiu":
        _refuse(array, name, "numbers: floats, NaN where there is no data")
    if kind in "iu" and width > 2:
        _refuse(array, name, "floats: float32 holds whole numbers only up to 16,777,216")
    if kind in "iu" and nodata is not None:
        _refuse(
            array, name, f"floats, NaN where there is no data: its attributes say that {nodata:g} "
            f"is nodata, so give {name}.where({name} != {nodata:g})"
        )  # fmt: skip
    image = array.astype(np.float32, copy=False)
    if image.chunks is None and not isinstance(image.data, np.ndarray):
        raise DataError(
            f"{name} holds a {type(image.data).__name__}; give an array of NumPy or Dask"
        )
    if kind == "f":
        image = image.copy(data=_finite_or_nan(image.data))
    return image.where(image != np.float32(nodata)) if nodata else image


def _finite_or_nan(data: AnyArray) -> AnyArray:
    """Make NaN of infinite values; an array without any is given back as it is."""
    if not isinstance(data, np.ndarray):
        return data.map_blocks(_finite_or_nan, dtype=data.dtype, meta=data._meta)
    infinite = np.isinf(data)
    return np.where(infinite, np.float32(np.nan), data) if infinite.any() else data


def _refuse(array: xr.DataArray, name: str, wanted: str) -> NoReturn:
    raise DataError(f"{name} holds {array.dtype}; give {wanted}")


def _declared_nodata(attrs: Mapping[Any, Any]) -> float | None:
    """Find the finite value that attributes say is nodata."""
    for key in _NODATA:
        value = attrs.get(key)
        if isinstance(value, int | float | np.number) and math.isfinite(value):
            return float(value)
    return None
