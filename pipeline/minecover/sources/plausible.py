"""Values that no ground has: where an image is full of them, its numbers were misunderstood.

A wrong offset or scale, or decibels taken for linear power, give a map that looks like one. These
bounds are far outside of what is measured, and count only where a good part of an image lies
beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import DataError
from minecover.sources.manifest import Item

__all__ = [
    "BLACK",
    "BRIGHTEST",
    "DARKEST",
    "check_backscatter",
    "check_brightness",
    "check_reflectance",
]

ENOUGH = 100
"""Pixels below which nothing is concluded."""

DARKEST, BRIGHTEST = np.float32(-0.05), np.float32(2.0)
"""Bounds of surface reflectance: corrections of haze and slope go a little below 0, cloud and
glint beyond 1."""

BLACK = np.float32(5e-4)
"""Reflectance below which no pixel of an image is in all bands: five digital numbers."""

IMPOSSIBLE = 0.1
"""Share of the pixels of a band beyond the bounds at which it is refused."""

FAINTEST = np.float32(-60.0)
"""Backscatter in decibels below every sensor's noise."""

MOST = 0.5
"""Share of numbers between that and 0 at which they are decibels, not power."""

STRONGEST = np.float32(10.0)
"""Power, and decibels, that half of an image never reaches: ten times what comes in."""

NEARLY_ALL = 0.95
STRONGEST_POWER = np.float32(2.0)
"""Nearly all numbers between 0 and this are power, not decibels."""


def check_reflectance(values: Float32Array, bands: Sequence[str], item: Item) -> None:
    """Refuse an image whose reflectance cannot be.

    Parameters
    ----------
    values
        (band, y, x) reflectance, NaN where masked.
    bands
        Their names.
    item
        Whose image it is.

    Raises
    ------
    DataError
        A tenth of a band is darker or brighter than any ground.
    """
    for band, image in zip(bands, values, strict=True):
        beyond = np.count_nonzero(image < DARKEST) + np.count_nonzero(image > BRIGHTEST)
        if beyond < IMPOSSIBLE * ENOUGH:
            continue
        valid = image[np.isfinite(image)]
        if valid.size < ENOUGH or beyond < IMPOSSIBLE * valid.size:
            continue
        low, middle, high = np.percentile(valid, (2, 50, 98))
        raise DataError(
            f"item {item.id}, band {band}: {beyond / valid.size:.0%} of its clear pixels have a "
            f"reflectance that no ground has (2 % lie below {low:.3g}, half below {middle:.3g}, "
            f"98 % below {high:.3g}); its numbers were rescaled by: {item.decision}. Name the "
            f"offset of the item or its baseline in `sources.{item.source}.offsets`, as "
            f"`{item.id}: 0` where it is already in the numbers, or take the item out of the "
            "catalog"
        )


def check_brightness(bright: bool, pixels: int, item: Item) -> None:
    """Refuse an image that is black in all bands: reflectance that was scaled as numbers are.

    Parameters
    ----------
    bright
        Whether a pixel of any band is brighter than `BLACK`.
    pixels
        That are valid.
    item
        Whose image it is.

    Raises
    ------
    DataError
        Nothing in it is as bright as the darkest ground.
    """
    if bright or pixels < ENOUGH:
        return
    raise DataError(
        f"item {item.id}: no pixel of any band has a reflectance above {BLACK:g}; its numbers were "
        f"rescaled by: {item.decision}. Where they are reflectance already, let its assets say "
        "so (`raster:bands`: scale 1, offset 0, data_type float32), or take the item out of the "
        "catalog"
    )


def check_backscatter(values: Float32Array, item: Item, asset: str, *, decibels: bool) -> None:
    """Refuse decibels that are declared linear power, the other way round, and what is neither.

    Parameters
    ----------
    values
        Of the asset, scaled, NaN where nodata.
    item, asset
        Whose they are.
    decibels
        What they are declared to be.

    Raises
    ------
    DataError
        They are the other, or digital numbers.
    """
    valid = values[np.isfinite(values)]
    if valid.size < ENOUGH:
        return
    name = f"item {item.id}, asset {asset}: its numbers are"
    strong = np.count_nonzero(valid > STRONGEST) / valid.size
    if strong > MOST or _are_varied(valid[valid <= FAINTEST], valid.size):
        raise DataError(
            f"{name} no backscatter: half of them lie {'above' if strong > MOST else 'below'} "
            f"{np.median(valid):.6g}. Amplitudes of a GRD have to be calibrated, as they are in "
            "sentinel-1-rtc; where numbers were multiplied to be integers, let the item record it "
            "(`raster:bands`: scale, offset)"
        )
    if decibels:
        share = np.count_nonzero((valid >= 0) & (valid <= STRONGEST_POWER)) / valid.size
        wrong, kind, setting = share > NEARLY_ALL, "linear power, not decibels", "linear"
    else:
        share = np.count_nonzero((valid < 0) & (valid > FAINTEST)) / valid.size
        wrong, kind, setting = share > MOST, "decibels, not linear power", "db"
    if wrong:
        raise DataError(
            f"{name} {kind}: {share:.0%} of them lie where only those do; set "
            f"`sources.{item.source}.values: {setting}`"
        )


def _are_varied(faint: Float32Array, pixels: int) -> bool:
    """Tell whether most pixels are fainter than anything, and no one number that means nodata."""
    if faint.size <= MOST * pixels:
        return False
    middle = np.partition(faint, faint.size // 2)[faint.size // 2]
    return bool(2 * np.count_nonzero(faint == middle) < faint.size)
