"""Rasters that are observed once, blended on a window.

The weights of all items are added before they are divided, so that a pixel between two
neighbouring sheets is interpolated across the seam.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minecover.arrays import Float32Array
from minecover.sources.manifest import Asset
from minecover.sources.native import NativeGrid
from minecover.sources.resample import sampling, weighted_mean
from minecover.sources.source import Scenes
from minecover.sources.values import take_out_nodata

__all__ = ["blended"]


def blended(
    scenes: Scenes, key: str, physical: Callable[[Float32Array, Asset], Float32Array]
) -> Float32Array:
    """Bilinear mean of all items at each pixel.

    Parameters
    ----------
    scenes
        Items that cover the window, overlapping or not.
    key
        Asset to read.
    physical
        Turns the numbers of an asset into the quantity that is interpolated.

    Returns
    -------
    (y, x) float32, NaN where no item is valid.
    """
    target = scenes.target
    sums = np.zeros((3, 1, *target.shape), np.float32)
    for item in scenes.items:
        asset = item.assets[key]
        grid = NativeGrid.of(asset)
        place = sampling(target, grid)
        if place.window is None:
            continue
        numbers = scenes.reader.read([item], [key], grid.geobox(place.needed))[0]
        values = physical(numbers, asset)
        take_out_nodata(values, numbers, asset.nodata)
        sums += place.accumulate(values)
    mean: Float32Array = weighted_mean(sums)[0]
    return mean
