"""A DataArray as a cloud-optimized GeoTIFF, computed and written block by block."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401  (gives arrays their .rio)
import xarray as xr
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from minecover.api.colours import classes_of, shown_bands
from minecover.api.rasters import class_codes, geobox_of
from minecover.api.selection import labels_of
from minecover.errors import DataError
from minecover.geography.grid import Grid, Window
from minecover.products.export import BLOCK_BYTES, Band, ExportFile, write_files

__all__ = ["export_array"]

EDGE = 512
"""Of blocks of an array in memory."""

ENDINGS = (".tif", ".tiff")
"""Of GeoTIFFs, in small or large letters."""

STEP = 16
"""Edges of blocks are multiples of it, as TIFF wants them."""

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
"""Of pixels, which every program reads."""


def export_array(array: xr.DataArray, path: Path) -> Path:
    """Write a DataArray (..., y, x) to a COG; every slice (y, x) is a band.

    Parameters
    ----------
    array
        With a CRS and a regular grid; its blocks are computed one after the other.
    path
        Of the file, which ends in ``.tif`` or ``.tiff``.

    Raises
    ------
    DataError
        The array has no CRS, no regular grid, or pixels that no GeoTIFF holds.
    StoreError
        The file cannot be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise DataError(
            f"path: {path}: a DataArray becomes a GeoTIFF; let its name end in .tif or .tiff"
        )
    source = _Source.of(array)
    grid = Grid(source.geobox, _edge(source.array), box(*source.geobox.boundingbox))
    file = replace(_file(source.array, path.stem), ending=path.suffix)
    (written,) = write_files([file], grid, source.read, path.parent)
    return written


@dataclass(frozen=True)
class _Source:
    """An array with its rows from north to south, its grid, and the codes that it may hold."""

    array: xr.DataArray
    geobox: GeoBox
    codes: Collection[int]

    @classmethod
    def of(cls, array: xr.DataArray) -> _Source:
        name = array.name or "the array"
        if array.rio.crs is None:
            raise DataError(f"{name} has no CRS; give it one by .rio.write_crs(...)")
        geobox, dims = geobox_of(array, str(name)), array.odc.spatial_dims
        if array.dtype == bool:
            array = array.astype(np.uint8)
        if str(array.dtype) not in DTYPES:
            raise DataError(
                f"{name} has pixels of {array.dtype}; convert them by .astype(...) to one of "
                f"{', '.join(DTYPES)}"
            )
        codes = _codes(array).values()
        if codes and array.rio.nodata is not None:
            array = array.where(array != array.rio.nodata, 0)
        array = array.transpose(..., *dims)
        if geobox.affine.e > 0:
            array = array.isel({dims[0]: slice(None, None, -1)})
            geobox = geobox.flipy()
        return cls(array, geobox, codes)

    def read(self, window: Window, names: Sequence[str]) -> npt.NDArray[Any]:
        """Compute a window of all bands, (band, y, x)."""
        del names
        values = np.asarray(self.array[(..., *window.slices)].values)
        if self.codes:
            self._check(values)
        return values.reshape(-1, *window.shape)

    def _check(self, values: npt.NDArray[Any]) -> None:
        odd = sorted(set(np.unique(values[np.isfinite(values)]).tolist()) - {0, *self.codes})[:3]
        if odd:
            raise DataError(
                f"{self.array.name or 'the array'}: it holds {odd}, which are none of its "
                "flag_values; where these are no codes of classes, take its attributes off by "
                ".drop_attrs(deep=False)"
            )


def _edge(array: xr.DataArray) -> int:
    """Edge of blocks: of whole chunks, so that none is computed twice, while they are of use."""
    if array.chunks is None:
        return EDGE
    chunk = max(max(lengths) for lengths in array.chunks[-2:])
    if chunk % STEP:
        return EDGE * -(-2 * chunk // EDGE)
    bands = int(np.prod(array.shape[:-2]))
    fitting = int(np.sqrt(BLOCK_BYTES / (array.dtype.itemsize * bands))) // chunk
    return chunk * max(fitting, 1)


def _file(array: xr.DataArray, name: str) -> ExportFile:
    attributes, labels = array.attrs, list(labels_of(array))
    title, unit = str(attributes.get("long_name", "")), str(attributes.get("units", "1"))
    dims = [str(dim) for dim in array.dims[:-2]]
    bands = [_band_name(each, dims) or str(array.name or name) for each in labels]
    nodata, codes = array.rio.nodata, _codes(array)
    if nodata is None and array.dtype.kind == "f":
        nodata = float("nan")
    return ExportFile(
        name=name,
        bands=tuple(
            Band(band, each.get("unit", unit), title)
            for band, each in zip(bands, labels, strict=True)
        ),
        dtype=str(array.dtype),
        nodata=nodata,
        classes=classes_of(codes, _colours(array, codes)),
        colours=shown_bands(bands) if dims == ["band"] else None,
    )


def _band_name(labels: Mapping[str, str], dims: Sequence[str]) -> str:
    """Name a band by its labels along the dimensions, as ``summer_B08``."""
    return "_".join(labels[dim] for dim in dims if labels.get(dim))


def _codes(array: xr.DataArray) -> dict[str, int]:
    """Code of each class by name, where an array (y, x) says that it holds codes."""
    if array.ndim > 2 or "flag_values" not in array.attrs:
        return {}
    codes = class_codes(array)
    if not all(1 <= code <= 255 for code in codes.values()):
        raise DataError(
            f"{array.name or 'the array'}: flag_values are {list(codes.values())}; in a file of "
            "classes codes are 1 to 255, and 0 is nodata"
        )
    return {re.sub(r"[^\w-]", "_", each): code for each, code in codes.items()}


def _colours(array: xr.DataArray, codes: Mapping[str, int]) -> dict[str, str]:
    given = str(array.attrs.get("flag_colors", "")).split()
    return dict(zip(codes, given, strict=False))
