"""Sentinel-2 L2A: which assets hold the bands, what turns DN into reflectance, season composites.

An observation is one overpass: items of the same platform within minutes of each other (adjacent
or overlapping MGRS tiles, the same tile in two UTM zones, a reprocessed duplicate) are mosaicked,
the first that is valid at a pixel wins, so that no overpass counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from minecover.errors import DataError
from minecover.sources.manifest import Item
from minecover.sources.native import NativeGrid
from minecover.sources.reader import Reader
from minecover.sources.resample import Sampling, sampling
from minecover.sources.settings import BANDS, Sentinel2Settings

__all__ = [
    "NAMES",
    "SCL",
    "Recorded",
    "Scaling",
    "asset_keys",
    "baseline",
    "observations",
    "recorded",
    "scaling",
]

FloatArray = npt.NDArray[np.float32]

SCL = "SCL"

NAMES = {
    "B02": ("B02", "blue", "B02_10m"),
    "B03": ("B03", "green", "B03_10m"),
    "B04": ("B04", "red", "B04_10m"),
    "B08": ("B08", "nir", "B08_10m"),
    "B05": ("B05", "rededge1", "B05_20m"),
    "B06": ("B06", "rededge2", "B06_20m"),
    "B07": ("B07", "rededge3", "B07_20m"),
    "B8A": ("B8A", "nir08", "B8A_20m"),
    "B11": ("B11", "swir16", "B11_20m"),
    "B12": ("B12", "swir22", "B12_20m"),
    SCL: ("SCL", "scl", "SCL_20m"),
}
"""Assets of a band at Planetary Computer, Earth Search and Copernicus Data Space."""

QUANTIFICATION = 1e-4
"""Reflectance of one DN (Sentinel-2 Products Specification Document, QUANTIFICATION_VALUE)."""

BOA_ADD_OFFSET = -1000.0
"""DN to add from processing baseline 04.00 on (25 January 2022)."""

NODATA = 0.0
"""DN that no observation has."""


@dataclass(frozen=True)
class Scaling:
    """Reflectance = (DN + offset) * scale, and why."""

    scale: float
    offset: float
    reason: str


def asset_keys(item: dict[str, Any], settings: Sentinel2Settings) -> dict[str, str]:
    """Find the assets of the ten bands, and of the scene classification where there is one.

    Returns
    -------
    Key of the asset by band, `SCL` last.

    Raises
    ------
    DataError
        A band or the classification is missing.
    """
    present = item.get("assets", {})
    wanted = {band: _candidates(band, settings) for band in BANDS}
    if settings.scl is not None:
        wanted[SCL] = NAMES[SCL] if settings.scl == SCL else (settings.scl,)
    keys = {}
    for band, names in wanted.items():
        found = [name for name in names if name in present]
        if not found:
            mend = (
                "name it in `sources.sentinel2.scl`, or write null there if the data has none"
                if band == SCL
                else f"name it in `sources.sentinel2.assets`, as `{band}: its-name`"
            )
            raise DataError(
                f"item {item.get('id')}: asset missing: {band} (looked for {', '.join(names)}); "
                f"there are {', '.join(sorted(present)) or 'none'}; {mend}"
            )
        keys[band] = found[0]
    return keys


def _candidates(band: str, settings: Sentinel2Settings) -> tuple[str, ...]:
    return (settings.assets[band],) if band in settings.assets else NAMES[band]


def baseline(item: dict[str, Any]) -> tuple[float, str] | None:
    """Find the processing baseline, in a property or the product's name, and say where."""
    properties = item.get("properties", {})
    for key in ("s2:processing_baseline", "processing:version"):
        if re.fullmatch(r"\d\d\.\d\d", str(properties.get(key))):
            return float(properties[key]), f"{key} {properties[key]}"
    for text in (properties.get("s2:product_uri"), item.get("id")):
        found = re.search(r"_N(\d\d)(\d\d)_", str(text))
        if found:
            return float(f"{found[1]}.{found[2]}"), f"product name {found[0].strip('_')}"
    return None


def scaling(item: dict[str, Any], asset: str, settings: Sentinel2Settings) -> Scaling:
    """Decide how an asset's DN become reflectance.

    The item's own record goes before its processing baseline: a provider that has already added
    the offset says so (`earthsearch:boa_offset_applied`), even beside a `raster:bands` that still
    names it, and a date alone decides nothing, because archives are reprocessed.

    Raises
    ------
    DataError
        Neither an offset nor a baseline is recorded.
    """
    own = recorded(item["assets"][asset])
    scale = own.scale or QUANTIFICATION
    if settings.offset == "none":
        return Scaling(scale, 0.0, "the survey says sources.sentinel2.offset: none")
    if item.get("properties", {}).get("earthsearch:boa_offset_applied") is True:
        return Scaling(scale, 0.0, "earthsearch:boa_offset_applied: already in the DN")
    if own.offset is not None:
        offset = round(own.offset / scale, 6)
        return Scaling(scale, offset, f"raster offset {own.offset:g} of the asset")
    known = baseline(item)
    if known is None:
        raise DataError(
            f"item {item.get('id')}, asset {asset}: neither a raster offset nor a processing "
            "baseline is recorded, so DN cannot become reflectance; add s2:processing_baseline to "
            "the item, or set `sources.sentinel2.offset: none` if all DN are reflectance x 10000"
        )
    return Scaling(scale, BOA_ADD_OFFSET if known[0] >= 4 else 0.0, known[1])


@dataclass(frozen=True)
class Recorded:
    """What an asset's own record says of its values; offset in physical units, added last."""

    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None


def recorded(asset: dict[str, Any]) -> Recorded:
    """Scale, offset and nodata by `raster:bands`, by `bands` (STAC 1.1) or by the asset itself."""
    places = (*asset.get("raster:bands", [])[:1], *asset.get("bands", [])[:1], asset)

    def first(*keys: str) -> float | None:
        for place in places:
            for key in keys:
                if isinstance(place.get(key), int | float):
                    return float(place[key])
        return None

    return Recorded(
        first("scale", "raster:scale"), first("offset", "raster:offset"), first("nodata")
    )


def observations(
    reader: Reader,
    items: Sequence[Item],
    target: GeoBox,
    settings: Sentinel2Settings,
    batch: int = 8,
) -> FloatArray:
    """Read all overpasses of a season on a target.

    Nodata and the masked SCL codes are taken out on each band's own grid, before anything is
    resampled; 20 m bands come to 10 m pixels by bilinear weights. An overpass counts at a pixel
    where all ten bands are valid.

    Parameters
    ----------
    reader
        Reads windows.
    items
        Of one season, from the manifest.
    target
        Where the observations are wanted.
    settings
        The survey's `sources.sentinel2`.
    batch
        Items read at once: bounds memory.

    Returns
    -------
    (overpass, band, y, x) float32 surface reflectance in the order of `BANDS`, NaN where masked.
    """
    overpasses = {number: n for n, number in enumerate(sorted({i.acquisition for i in items}))}
    stack = np.full((len(overpasses), len(BANDS), *target.shape), np.nan, np.float32)
    for group in _by_grid(items, target):
        places = {grid: sampling(target, grid) for grid in _bands_by_grid(group[0])}
        if any(place.window is None for place in places.values()):
            continue
        for start in range(0, len(group), batch):
            part = group[start : start + batch]
            values = _reflectance(reader, part, places, settings)
            for item, observed in zip(part, values, strict=True):
                layer = stack[overpasses[item.acquisition]]
                np.copyto(layer, observed, where=np.isnan(layer))
    return stack


def _by_grid(items: Sequence[Item], target: GeoBox) -> list[list[Item]]:
    """Items on one grid together, the target's own CRS first, then by rank."""
    crs = f"EPSG:{target.crs.epsg}"
    groups: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        key = tuple((asset.crs, asset.transform) for asset in item.assets.values())
        groups.setdefault((key[0][0] != crs, key), []).append(item)
    return [sorted(groups[key], key=lambda item: item.rank) for key in sorted(groups)]


def _bands_by_grid(item: Item) -> dict[NativeGrid, list[str]]:
    bands: dict[NativeGrid, list[str]] = {}
    for band, asset in item.assets.items():
        bands.setdefault(NativeGrid.of(asset), []).append(band)
    return bands


def _reflectance(
    reader: Reader,
    items: Sequence[Item],
    places: dict[NativeGrid, Sampling],
    settings: Sentinel2Settings,
) -> FloatArray:
    """Read items of one grid; (item, band, y, x) reflectance on the target, NaN where masked."""
    bands_of = _bands_by_grid(items[0])
    raw = {
        grid: reader.read(items, bands, grid.geobox(places[grid].needed))
        for grid, bands in bands_of.items()
    }
    shape = next(iter(places.values())).shape
    out = np.empty((len(items), len(BANDS), *shape), np.float32)
    for grid, bands in bands_of.items():
        clear = _clear(raw, bands_of, places, grid, settings)
        chosen = [band for band in bands if band != SCL]
        for n, item in enumerate(items):
            numbers = raw[grid][n, : len(chosen)]
            values = _harmonised(numbers, item, chosen)
            if clear is not None:
                values[:, ~clear[n]] = np.nan
            out[n, [BANDS.index(band) for band in chosen]] = places[grid].bilinear(values)
    out[np.broadcast_to(np.isnan(out).any(axis=1, keepdims=True), out.shape)] = np.nan
    return out


def _clear(
    raw: dict[NativeGrid, FloatArray],
    bands_of: dict[NativeGrid, list[str]],
    places: dict[NativeGrid, Sampling],
    grid: NativeGrid,
    settings: Sentinel2Settings,
) -> npt.NDArray[np.bool_] | None:
    """(item, y, x) on a band's grid: no masked code in the SCL pixel that each pixel lies in."""
    holder = next((own for own, bands in bands_of.items() if SCL in bands), None)
    if holder is None:
        return None
    codes = raw[holder][:, bands_of[holder].index(SCL)]
    if holder != grid:
        onto = sampling(grid.geobox(places[grid].needed), holder)
        codes = onto.nearest(codes, places[holder].needed)
    return np.isfinite(codes) & ~np.isin(codes, settings.masked)


def _harmonised(numbers: FloatArray, item: Item, bands: Sequence[str]) -> FloatArray:
    """Reflectance of (band, y, x) DN: (DN + offset) * scale, NaN where nodata."""
    offset = np.array([item.assets[band].offset for band in bands], np.float32)
    scale = np.array([item.assets[band].scale for band in bands], np.float32)
    values = (numbers + offset[:, None, None]) * scale[:, None, None]
    values[numbers == NODATA] = np.nan
    return values
