"""Windows of an open raster, read as they lie in the file."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from minecover.arrays import Float32Array
from minecover.sources.manifest import Asset
from minecover.sources.native import NativeGrid
from minecover.sources.values import take_out_nodata

__all__ = ["INTEGERS", "read_float", "read_into"]

INTEGERS = ("uint8", "uint16")
"""Types of numbers that 16 bits hold."""


def read_into(
    raster: rasterio.DatasetReader, asset: Asset, box: GeoBox, out: npt.NDArray[Any]
) -> None:
    """Read a window of a raster whose validity lies in its numbers alone.

    Parameters
    ----------
    raster
        The asset's file.
    asset
        Its grid and the number of its band.
    box
        Window of that grid.
    out
        (y, x) of the window, of the raster's type or a wider one.

    Raises
    ------
    RasterioIOError
        The file cannot be read.
    """
    raster.read(_number(raster, asset), window=_window(asset, box), out=out)
    if (grid := NativeGrid.of(asset)).stored is not None:
        out[:] = grid.from_north(out)


def read_float(raster: rasterio.DatasetReader, asset: Asset, box: GeoBox) -> Float32Array:
    """Read a window of any raster.

    Parameters
    ----------
    raster, asset, box
        As `read_into` takes them.

    Returns
    -------
    (y, x) float32 numbers, NaN where the file says nodata by its value, mask or opacity.

    Raises
    ------
    RasterioIOError
        The file cannot be read.
    """
    own, window = _number(raster, asset), _window(asset, box)
    numbers = raster.read(own, window=window, out_dtype=np.float32)
    take_out_nodata(numbers, numbers, raster.nodatavals[own - 1])
    if asset.masked:
        numbers[raster.read_masks(own, window=window) == 0] = np.nan
        for band, kind in enumerate(raster.colorinterp, start=1):
            if kind == ColorInterp.alpha:  # GDAL makes a mask of it only where it is of integers
                numbers[raster.read(band, window=window) == 0] = np.nan
    return NativeGrid.of(asset).from_north(cast(Float32Array, numbers))


def _window(asset: Asset, box: GeoBox) -> Window:
    """Where the pixels of a window of the asset's grid lie in its file."""
    grid = NativeGrid.of(asset)
    stored = grid.stored_window(grid.window(box))
    return Window(stored.x0, stored.y0, box.width, box.height)


def _number(raster: rasterio.DatasetReader, asset: Asset) -> int:
    if isinstance(asset.band, str):
        return int(raster.descriptions.index(asset.band)) + 1
    return asset.band or 1
