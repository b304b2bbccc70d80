"""Mean backscatter of radar items on a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from minecover.arrays import Float32Array, Float64Array
from minecover.sources.manifest import Asset, Item
from minecover.sources.native import NativeGrid
from minecover.sources.plausible import check_backscatter
from minecover.sources.resample import sampling
from minecover.sources.source import Scenes
from minecover.sources.values import take_out_nodata

__all__ = ["mean_backscatter"]


def mean_backscatter(scenes: Scenes, names: Sequence[str], *, decibels: bool) -> Float32Array:
    """Mean over the overpasses of a season.

    Nodata, and values that are no power (zero or less), are masked before anything is resampled.
    Items of one overpass are mosaicked, the first valid wins.

    Parameters
    ----------
    scenes
        Items of one season, sorted by overpass and rank.
    names
        Of the polarisations.
    decibels
        Whether the assets hold decibels rather than linear power.

    Returns
    -------
    (polarisation, y, x) float32 in dB, 10 log10 of the mean power; NaN where nothing was observed.
    """
    size = (len(names), *scenes.target.shape)
    total, count = np.zeros(size, np.float64), np.zeros(size, np.float64)
    overpass, observed = -1, np.full(size, np.nan, np.float32)
    for item in scenes.items:
        if item.acquisition != overpass:
            _add(observed, total, count)
            overpass, observed = item.acquisition, np.full(size, np.nan, np.float32)
        for name, layer in zip(names, observed, strict=True):
            _fill(scenes, item, name, layer, decibels=decibels)
    _add(observed, total, count)
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return cast(Float32Array, (10 * np.log10(mean)).astype(np.float32))


def _add(observed: Float32Array, total: Float64Array, count: Float64Array) -> None:
    valid = np.isfinite(observed)
    np.add(total, observed, out=total, where=valid)
    count += valid


def _fill(scenes: Scenes, item: Item, name: str, observed: Float32Array, *, decibels: bool) -> None:
    """Fill the pixels that no item of the overpass had before, (y, x)."""
    asset = item.assets.get(name)
    if asset is None:  # of the other polarisation alone
        return
    grid = NativeGrid.of(asset)
    place = sampling(scenes.target, grid)
    if place.window is None:
        return
    numbers = scenes.reader.read([item], [name], grid.geobox(place.needed))[0]
    take_out_nodata(numbers, numbers, asset.nodata)
    check_backscatter(numbers, item, name, decibels=decibels)
    values = place.bilinear(_power(numbers, asset, decibels=decibels))[0]
    np.copyto(observed, values, where=np.isnan(observed))


def _power(numbers: Float32Array, asset: Asset, *, decibels: bool) -> Float32Array:
    values = (numbers + np.float32(asset.offset)) * np.float32(asset.scale)
    if decibels:
        return cast(Float32Array, np.float32(10) ** (values / np.float32(10)))
    values[~(values > 0)] = np.nan
    return values
