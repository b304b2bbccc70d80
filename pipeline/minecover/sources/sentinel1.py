"""Sentinel-1 backscatter: the mean of a season, in decibels.

Means are taken of linear power, never of decibels: the logarithm is concave, so a mean of
decibels lies below the decibels of the mean wherever there is speckle. All overpasses count
alike, ascending and descending ones together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from minecover.errors import DataError
from minecover.sources.manifest import Asset, Item
from minecover.sources.native import NativeGrid
from minecover.sources.reader import Reader
from minecover.sources.resample import sampling
from minecover.sources.settings import Sentinel1Settings

__all__ = ["POLARISATIONS", "asset_keys", "season_backscatter"]

FloatArray = npt.NDArray[np.float32]

POLARISATIONS = ("VV", "VH")

NAMES = {"VV": ("VV", "vv", "gamma0_vv"), "VH": ("VH", "vh", "gamma0_vh")}
"""Assets of a polarisation in the collections sentinel-1-rtc and sentinel1-rtc-aws."""


def asset_keys(item: dict[str, Any], settings: Sentinel1Settings) -> dict[str, str]:
    """Find the assets of VV and VH.

    Raises
    ------
    DataError
        One is missing.
    """
    present, keys = item.get("assets", {}), {}
    for name in POLARISATIONS:
        names = (settings.assets[name],) if name in settings.assets else NAMES[name]
        found = [key for key in names if key in present]
        if not found:
            raise DataError(
                f"item {item.get('id')}: asset missing: {name} (looked for {', '.join(names)}); "
                f"there are {', '.join(sorted(present)) or 'none'}; "
                f"name it in `sources.sentinel1.assets`, as `{name}: its-name`"
            )
        keys[name] = found[0]
    return keys


def season_backscatter(
    reader: Reader, items: Sequence[Item], target: GeoBox, settings: Sentinel1Settings
) -> FloatArray:
    """Mean backscatter of a season.

    Nodata, and values that are no power (zero or less), are masked before anything is resampled.
    Items of one overpass are mosaicked, the first valid wins.

    Parameters
    ----------
    reader
        Reads windows.
    items
        Of one season, sorted by overpass and rank.
    target
        Where it is wanted.
    settings
        The survey's `sources.sentinel1`.

    Returns
    -------
    (polarisation, y, x) float32 in dB, 10 log10 of the mean power; NaN where nothing was observed.
    """
    size = (len(POLARISATIONS), *target.shape)
    total, count = np.zeros(size, np.float64), np.zeros(size, np.float64)
    overpass, observed = -1, np.full(size, np.nan, np.float32)
    for item in items:
        if item.acquisition != overpass:
            _add(observed, total, count)
            overpass, observed = item.acquisition, np.full(size, np.nan, np.float32)
        _fill(reader, item, target, settings, observed)
    _add(observed, total, count)
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return cast(FloatArray, (10 * np.log10(mean)).astype(np.float32))


def _add(
    observed: FloatArray, total: npt.NDArray[np.float64], count: npt.NDArray[np.float64]
) -> None:
    valid = np.isfinite(observed)
    np.add(total, observed, out=total, where=valid)
    count += valid


def _fill(
    reader: Reader, item: Item, target: GeoBox, settings: Sentinel1Settings, observed: FloatArray
) -> None:
    for n, name in enumerate(POLARISATIONS):
        grid = NativeGrid.of(item.assets[name])
        place = sampling(target, grid)
        if place.window is None:
            continue
        numbers = reader.read([item], [name], grid.geobox(place.needed))[0]
        values = place.bilinear(_power(numbers, item.assets[name], settings))[0]
        np.copyto(observed[n], values, where=np.isnan(observed[n]))


def _power(numbers: FloatArray, asset: Asset, settings: Sentinel1Settings) -> FloatArray:
    values = (numbers + np.float32(asset.offset)) * np.float32(asset.scale)
    if asset.nodata is not None:
        values[numbers == asset.nodata] = np.nan
    if settings.values == "db":
        return cast(FloatArray, np.float32(10) ** (values / np.float32(10)))
    values[~(values > 0)] = np.nan
    return values
