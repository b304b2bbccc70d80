"""Night-time light radiance on the grid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from minecover.sources.manifest import Asset, Item
from minecover.sources.reader import Reader
from minecover.sources.settings import NightLightsSettings
from minecover.sources.terrain import blended

__all__ = ["radiance", "radiance_of"]

FloatArray = npt.NDArray[np.float32]

ASSET = "dn"


def radiance(
    reader: Reader, items: Sequence[Item], target: GeoBox, settings: NightLightsSettings
) -> FloatArray:
    """Radiance, (y, x) float32, NaN where nodata: the mean of all items at a pixel, bilinear.

    Radiance, not DN, is interpolated: the calibration is not linear.

    Parameters
    ----------
    reader
        Reads windows.
    items
        Of the source `night_lights`.
    target
        Where it is wanted.
    settings
        The survey's `sources.night_lights`.
    """
    return blended(reader, items, ASSET, target, partial(radiance_of, settings=settings))


def radiance_of(numbers: FloatArray, asset: Asset, settings: NightLightsSettings) -> FloatArray:
    """Calibrate DN.

    `luojia1`: DN^1.5 x 1e-10 W m-2 sr-1 um-1 for Luojia-1 01 (feature 31 of Liu et al. 2025,
    10.6046/zrzyyg.2024080); a negative DN is no observation. `none`: the values as they are,
    negative ones too, which calibrated products have where it is dark.
    """
    values = (numbers + np.float32(asset.offset)) * np.float32(asset.scale)
    if settings.calibration == "none":
        return values
    dark = np.where(values >= 0, values, np.float32(np.nan)).astype(np.float64)
    return cast(FloatArray, (dark**1.5 * 1e-10).astype(np.float32))
