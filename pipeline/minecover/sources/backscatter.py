"""Mean backscatter of radar items on a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from minecover.arrays import Float32Array, Float64Array
from minecover.geography.grid import Window
from minecover.sources.border_noise import BorderNoise
from minecover.sources.manifest import Item
from minecover.sources.native import NativeGrid
from minecover.sources.plausible import check_backscatter
from minecover.sources.resample import sampling
from minecover.sources.source import Scenes
from minecover.sources.speckle import Filter, Speckle
from minecover.sources.values import take_out_nodata

__all__ = ["Cleaning", "mean_backscatter"]


@dataclass(frozen=True)
class Cleaning:
    """What becomes of an image before it is resampled.

    Attributes
    ----------
    decibels
        Whether the assets hold decibels rather than linear power.
    border
        Metres from the edge of an image within which near-zero power is noise.
    faintest
        Decibels below which it is.
    speckle
        Filter; None: none.
    window, looks
        Of the filter: edge in pixels, and looks of an image.
    """

    decibels: bool = False
    border: float = 0.0
    faintest: float = 0.0
    speckle: Filter | None = None
    window: int = 1
    looks: float = 1.0

    def border_noise(self, pixel: float) -> BorderNoise:
        """Give the mask of border noise for pixels of a size in metres."""
        return BorderNoise(round(self.border / pixel), 10 ** (self.faintest / 10))

    def filter(self) -> Speckle | None:
        """Give the speckle filter."""
        return self.speckle and Speckle(self.speckle, self.window, self.looks)


def mean_backscatter(scenes: Scenes, names: Sequence[str], cleaning: Cleaning) -> Float32Array:
    """Mean over the overpasses of a season.

    Nodata, border noise, and values that are no power (zero or less), are masked, and speckle is
    filtered, on each image's own grid before anything is resampled. Items of one overpass are
    mosaicked, the first valid wins.

    Parameters
    ----------
    scenes
        Items of one season, sorted by overpass and rank.
    names
        Of the polarisations.
    cleaning
        What the assets hold, and what becomes of them.

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
            _fill(scenes, item, name, layer, cleaning)
    _add(observed, total, count)
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return cast(Float32Array, (10 * np.log10(mean)).astype(np.float32))


def _add(observed: Float32Array, total: Float64Array, count: Float64Array) -> None:
    valid = np.isfinite(observed)
    np.add(total, observed, out=total, where=valid)
    count += valid


def _fill(
    scenes: Scenes, item: Item, name: str, observed: Float32Array, cleaning: Cleaning
) -> None:
    """Fill the pixels that no item of the overpass had before, (y, x)."""
    asset = item.assets.get(name)
    if asset is None:  # of the other polarisation alone
        return
    grid = NativeGrid.of(asset)
    place = sampling(scenes.target, grid)
    if place.window is None:
        return
    border, speckle = cleaning.border_noise(grid.pixel_size()), cleaning.filter()
    wanted = place.needed.pad(border.halo + (speckle.halo if speckle else 0))
    there = wanted.clip(*grid.shape)
    numbers = scenes.reader.read([item], [name], grid.geobox(there))[0]
    take_out_nodata(numbers, numbers, asset.nodata)
    given = (numbers + np.float32(asset.offset)) * np.float32(asset.scale)
    check_backscatter(given, item, name, decibels=cleaning.decibels)
    power = border(_framed(_power(given, decibels=cleaning.decibels), there, wanted))
    power[~(power > 0)] = np.nan
    values = place.bilinear(speckle(power) if speckle else power)[0]
    np.copyto(observed, values, where=np.isnan(observed))


def _power(values: Float32Array, *, decibels: bool) -> Float32Array:
    return cast(Float32Array, np.float32(10) ** (values / np.float32(10))) if decibels else values


def _framed(power: Float32Array, there: Window, wanted: Window) -> Float32Array:
    """Put what was read into the window that kernels want, NaN off the raster."""
    if there == wanted:
        return power
    framed = np.full((power.shape[0], *wanted.shape), np.nan, np.float32)
    framed[:, *there.within(wanted).slices] = power
    return framed
