"""Elevation on the grid, from items of a collection or from one raster file.

The weights of all items are added before they are divided, so that a pixel between two
neighbouring sheets is interpolated across the seam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from minecover.sources.manifest import Asset, Item
from minecover.sources.native import NativeGrid
from minecover.sources.reader import Reader
from minecover.sources.resample import sampling, settle

__all__ = ["blended", "elevation"]

FloatArray = npt.NDArray[np.float32]

ASSET = "elevation"


def elevation(reader: Reader, items: Sequence[Item], target: GeoBox) -> FloatArray:
    """Elevation in metres, (y, x) float32, bilinear, NaN where nodata.

    Parameters
    ----------
    reader
        Reads windows.
    items
        Of the source `terrain`, in any CRS.
    target
        Where it is wanted.
    """
    return blended(reader, items, ASSET, target, _metres)


def _metres(numbers: FloatArray, asset: Asset) -> FloatArray:
    return (numbers + np.float32(asset.offset)) * np.float32(asset.scale)


def blended(
    reader: Reader,
    items: Sequence[Item],
    key: str,
    target: GeoBox,
    physical: Callable[[FloatArray, Asset], FloatArray],
) -> FloatArray:
    """Bilinear mean of all items at each pixel.

    Parameters
    ----------
    reader
        Reads windows.
    items
        What covers the target, overlapping or not.
    key
        Asset to read.
    target
        Where it is wanted.
    physical
        Turns DN into the quantity that is interpolated.

    Returns
    -------
    (y, x) float32, NaN where no item is valid.
    """
    sums = np.zeros((3, 1, *target.shape), np.float32)
    for item in items:
        asset = item.assets[key]
        grid = NativeGrid.of(asset)
        place = sampling(target, grid)
        if place.window is None:
            continue
        numbers = reader.read([item], [key], grid.geobox(place.needed))[0]
        values = physical(numbers, asset)
        if asset.nodata is not None:
            values[numbers == asset.nodata] = np.nan
        sums += place.accumulate(values)
    settled: FloatArray = settle(sums)[0]
    return settled
