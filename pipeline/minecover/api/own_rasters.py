"""Rasters of one's own, opened on the grid of a survey."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyproj
import rasterio
import rioxarray
import xarray as xr
from dask.base import tokenize
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from minecover.api.rasters import geobox_of
from minecover.errors import DataError, SurveyError
from minecover.geography.datums import datum_change

__all__ = ["open_raster"]

EDGE = 512
"""Of chunks where the grid has none."""

TOLERANCE = 0.001
"""Pixels by which the place that a value is taken from may be off: GDAL interpolates places, and
takes no zero."""

Method = Literal["nearest", "bilinear", "cubic", "average", "mode"]


def open_raster(
    path: str | Path, like: xr.DataArray | xr.Dataset, *, resampling: Method | None = None
) -> xr.DataArray:
    """Open a raster file on the grid of an array, so that their pixels can be computed together.

    Parameters
    ----------
    path
        Whatever GDAL reads: a file, ``https://`` or ``s3://``.
    like
        Gives CRS, pixels and chunks, for example ``results.cube``.
    resampling
        ``"nearest"``, ``"bilinear"``, ``"cubic"``, and where the file is finer than the grid
        ``"average"`` or, of classes, ``"mode"``; None: nearest for whole numbers, which may be
        classes, else bilinear.

    Returns
    -------
    (y, x), or (band, y, x) under the names of the bands, float32 (float64 where the file holds
    numbers of 32 bits and more that are not float32), NaN where the file has no data or does not
    reach. Read lazily, chunk by chunk.

    Raises
    ------
    SurveyError
        `path`, `like` or `resampling` is none of these.
    DataError
        The file cannot be read or has no CRS, or none whose datum is known in that of `like`;
        `like` has no CRS or is on no regular grid.
    """
    geobox = _grid_of(path, like, resampling)
    try:
        with rasterio.open(path) as source:
            if source.crs is None:
                raise DataError(f"path: {path} has no CRS; write one into it by gdal_edit.py")
            _refuse_guessed_datum(path, source, geobox)
            whole = np.dtype(source.dtypes[0]).kind in "iu"
            method = resampling or ("nearest" if whole else "bilinear")
            with _warped(source, geobox, method) as warped:
                # lazy as it is; rioxarray would name its chunks by the path alone
                array = rioxarray.open_rasterio(warped, masked=True, cache=False)
            bands, units = source.descriptions, source.units
    except RasterioError as error:
        raise DataError(f"path: cannot read {path}: {error}") from error
    assert isinstance(array, xr.DataArray)
    chunks = _chunks(like)
    token = tokenize(_version(path), geobox.crs.to_wkt(), tuple(geobox.affine), method, chunks)
    array = array.chunk(chunks, name_prefix="open_raster-", token=token)
    return _labelled(array, like, bands, units, Path(path).stem)


def _grid_of(path: object, like: xr.DataArray | xr.Dataset, resampling: str | None) -> GeoBox:
    """Check the arguments, and find the grid of `like`."""
    if not isinstance(path, str | os.PathLike):
        raise SurveyError(f"path: the name of a file is wanted, not {type(path).__name__}")
    if resampling is not None and resampling not in get_args(Method):
        names = ", ".join(get_args(Method))
        raise SurveyError(f"resampling: no {resampling!r}; there are {names}")
    if not isinstance(like, xr.DataArray | xr.Dataset):
        raise SurveyError(
            f"like: a DataArray or Dataset is wanted, as results.cube, not {type(like).__name__}"
        )
    missing = {"y", "x"} - set(like.dims)
    if missing:
        has = ", ".join(str(dim) for dim in like.dims) or "none"
        raise DataError(f"like: dimensions y and x are wanted (it has {has}); use .rename(...)")
    geobox = geobox_of(like, "like")
    if geobox.crs is None:
        raise DataError("like: it has no CRS; give it one by .rio.write_crs(...)")
    return geobox


def _refuse_guessed_datum(path: str | Path, source: rasterio.DatasetReader, geobox: GeoBox) -> None:
    """Refuse a raster in a datum from which no transformation to the grid is known."""
    own, target = pyproj.CRS(source.crs.to_wkt()), pyproj.CRS(geobox.crs.to_wkt())
    try:
        datum_change(own, target, source.bounds, f"path: {path}", "warp it first (gdalwarp -ct)")
    except SurveyError as error:
        raise DataError(str(error)) from error


def _version(path: str | Path) -> tuple[object, ...]:
    """Tell one file from another, and from what it was before it was written again."""
    try:
        state = os.stat(path)
    except OSError:  # a URL
        return (str(path),)
    return (os.path.realpath(path), state.st_mtime_ns, state.st_size, state.st_ino)


def _warped(source: rasterio.DatasetReader, geobox: GeoBox, method: str) -> WarpedVRT:
    kind = np.result_type(source.dtypes[0], "float32")
    return WarpedVRT(
        source,
        crs=geobox.crs.to_wkt(),
        transform=geobox.affine,
        height=geobox.shape[0],
        width=geobox.shape[1],
        resampling=Resampling[method],
        src_nodata=source.nodata,
        nodata=np.nan,
        dtype=kind.name,
        tolerance=TOLERANCE,
    )


def _chunks(like: xr.DataArray | xr.Dataset) -> dict[str, int]:
    own = like.chunksizes
    return {axis: max(own[axis]) if axis in own else EDGE for axis in ("y", "x")} | {"band": 1}


def _labelled(
    array: xr.DataArray,
    like: xr.DataArray | xr.Dataset,
    bands: tuple[str | None, ...],
    units: tuple[str | None, ...],
    name: str,
) -> xr.DataArray:
    """Name the bands, and give pixels the very coordinates of the grid."""
    own = {axis: like[axis].variable for axis in ("y", "x") if axis in like.coords}
    array = array.assign_coords(own).rename(name)
    array.attrs = {"units": units[0]} if units[0] and len(set(units)) == 1 else {}
    names = [band or str(number) for number, band in enumerate(bands, start=1)]
    if len(names) == 1:
        return array.squeeze("band", drop=True).assign_attrs(long_name=bands[0] or name)
    return array.assign_coords(band=names)
