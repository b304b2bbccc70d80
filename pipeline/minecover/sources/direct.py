"""Windows of rasters read as they lie in the file, without a library that resamples.

For what the libraries of `reader` do not read, or not by the one rule of `values`: one band of
several, validity in a mask or a band of opacity, grids in degrees, and CRS without a number.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from minecover.arrays import Float32Array
from minecover.sources.gdal import gdal_env
from minecover.sources.manifest import Asset
from minecover.sources.native import NativeGrid
from minecover.sources.values import take_out_nodata
from minecover.storage.s3 import S3Access

__all__ = ["read_window"]


def read_window(path: str, asset: Asset, box: GeoBox, s3: S3Access) -> Float32Array:
    """Read a window of a raster.

    Parameters
    ----------
    path
        What GDAL opens.
    asset
        Its grid and the number of its band.
    box
        Window of that grid.
    s3
        How buckets are reached.

    Returns
    -------
    (y, x) float32 numbers, NaN where the file says nodata by its value, mask or opacity.

    Raises
    ------
    RasterioIOError
        The file cannot be read.
    """
    column, row = ~NativeGrid.of(asset).affine @ (box.affine.c, box.affine.f)
    window = Window(round(column), round(row), box.width, box.height)
    with gdal_env(s3, path), rasterio.open(path) as raster:
        own = asset.band or 1
        if isinstance(own, str):
            own = raster.descriptions.index(own) + 1
        numbers = raster.read(own, window=window, out_dtype=np.float32)
        take_out_nodata(numbers, numbers, raster.nodatavals[own - 1])
        numbers[raster.read_masks(own, window=window) == 0] = np.nan
        for band, kind in enumerate(raster.colorinterp, start=1):
            if kind == ColorInterp.alpha:  # GDAL makes a mask of it only where it is of integers
                numbers[raster.read(band, window=window) == 0] = np.nan
        return cast(Float32Array, numbers)
