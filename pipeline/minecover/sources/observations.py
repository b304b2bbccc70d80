"""Observations of an optical source on a window, and the composite of a season.

Nodata and masked pixels are taken out on each band's own grid, before anything is resampled;
coarser bands come to the survey's pixels by bilinear weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from odc.geo.geobox import GeoBox

from minecover.arrays import BoolArray, Float32Array
from minecover.geography.grid import Window
from minecover.sources.bands import Band, Mask
from minecover.sources.composite import clear_count, geometric_median, median_composite
from minecover.sources.manifest import Item
from minecover.sources.native import NativeGrid
from minecover.sources.plausible import check_brightness, check_reflectance
from minecover.sources.reader import Reader
from minecover.sources.resample import Sampling, sampling
from minecover.sources.source import Scenes
from minecover.sources.values import take_out_nodata

__all__ = ["composite", "observations"]

STACK_BYTES = 96 * 2**20
"""Bytes of all observations of a season that are held at once; a window is composed in parts."""

SMALLEST_PART = 32
"""Edge of a part in pixels that is not divided any more."""

BATCH = 8
"""Items read at once: bounds memory."""

Places = dict[NativeGrid, Sampling]


class Sensor(Protocol):
    """What is asked of an optical source; see `optical.OpticalSource`."""

    bands: ClassVar[tuple[Band, ...]]
    nodata: ClassVar[float | None]

    @property
    def composite(self) -> str:
        """How the dates of a season become one."""

    def mask(self) -> Mask | None:
        """Say which asset masks clouds."""

    def is_clear(self, values: Float32Array) -> BoolArray:
        """Tell which values of the mask are clear."""


def composite(source: Sensor, scenes: Scenes) -> Float32Array:
    """Compose the observations of a season, in parts of bounded memory.

    Returns
    -------
    (layer, y, x) float32: the bands, NaN where nothing was clear, and how many observations were.
    """
    window = scenes.window
    out = np.empty((len(source.bands) + 1, *window.shape), np.float32)
    overpasses = len({item.acquisition for item in scenes.items})
    for part in _parts(window, 4 * len(source.bands) * max(1, overpasses)):
        out[:, *part.within(window).slices] = _composite_part(source, scenes.part(part))
    return out


def _composite_part(source: Sensor, scenes: Scenes) -> Float32Array:
    out = np.full((len(source.bands) + 1, *scenes.window.shape), np.nan, np.float32)
    out[-1] = 0
    if scenes.items:
        stack = observations(source, scenes.reader, scenes.items, scenes.target)
        geometric = source.composite == "geometric_median"
        compose = geometric_median if geometric else median_composite
        out[:-1] = compose(stack, threads=scenes.threads)
        out[-1] = clear_count(stack, threads=scenes.threads)
    return out


def _parts(window: Window, bytes_per_pixel: int) -> Iterator[Window]:
    """Halve a window along its longer edge until a part fits into `STACK_BYTES`."""
    height, width = window.shape
    if height * width * bytes_per_pixel <= STACK_BYTES or max(height, width) <= SMALLEST_PART:
        yield window
        return
    if height >= width:
        middle = window.y0 + height // 2
        halves = (
            Window(window.y0, middle, window.x0, window.x1),
            Window(middle, window.y1, window.x0, window.x1),
        )
    else:
        middle = window.x0 + width // 2
        halves = (
            Window(window.y0, window.y1, window.x0, middle),
            Window(window.y0, window.y1, middle, window.x1),
        )
    for half in halves:
        yield from _parts(half, bytes_per_pixel)


def observations(
    source: Sensor, reader: Reader, items: Sequence[Item], target: GeoBox
) -> Float32Array:
    """Read all overpasses of a season on a target.

    An overpass counts at a pixel where all bands are valid.

    Parameters
    ----------
    source
        Knows bands and masks.
    reader
        Reads windows.
    items
        Of one season, from the manifest.
    target
        Where the observations are wanted.

    Returns
    -------
    (overpass, band, y, x) float32 surface reflectance in the order of the source's bands, NaN
    where masked.
    """
    overpasses = {number: n for n, number in enumerate(sorted({i.acquisition for i in items}))}
    stack = np.full((len(overpasses), len(source.bands), *target.shape), np.nan, np.float32)
    for group in _by_grid(items, target):
        places = {grid: sampling(target, grid) for grid in _bands_by_grid(source, group[0])}
        if any(place.window is None for place in places.values()):
            continue
        for start in range(0, len(group), BATCH):
            part = group[start : start + BATCH]
            values = _reflectance(source, reader, part, places)
            for item, observed in zip(part, values, strict=True):
                layer = stack[overpasses[item.acquisition]]
                np.copyto(layer, observed, where=np.isnan(layer))
    return stack


def _by_grid(items: Sequence[Item], target: GeoBox) -> list[list[Item]]:
    """Items on one grid together, the target's own CRS first, then by rank."""
    crs = f"EPSG:{target.crs.epsg}"
    groups: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        key = tuple((a.crs, a.transform, a.shape) for a in item.assets.values())
        groups.setdefault((key[0][0] != crs, key), []).append(item)
    return [sorted(groups[key], key=lambda item: item.rank) for key in sorted(groups)]


def _bands_by_grid(source: Sensor, item: Item) -> dict[NativeGrid, list[str]]:
    """Assets that lie on one grid together, the mask last."""
    mask, bands = source.mask(), dict[NativeGrid, list[str]]()
    for band in sorted(item.assets, key=lambda key: mask is not None and key == mask.key):
        bands.setdefault(NativeGrid.of(item.assets[band]), []).append(band)
    return bands


def _reflectance(
    source: Sensor, reader: Reader, items: Sequence[Item], places: Places
) -> Float32Array:
    """Read items of one grid; (item, band, y, x) reflectance on the target, NaN where masked."""
    names, bands_of = [band.name for band in source.bands], _bands_by_grid(source, items[0])
    raw = {
        grid: reader.read(items, bands, grid.geobox(places[grid].needed))
        for grid, bands in bands_of.items()
    }
    shape = next(iter(places.values())).shape
    out = np.empty((len(items), len(names), *shape), np.float32)
    for grid, bands in bands_of.items():
        clear = _clear(source, raw, items, bands_of, places, grid)
        chosen = [band for band in bands if band in names]
        for n, item in enumerate(items):
            values = _rescaled(source, raw[grid][n, : len(chosen)], item, chosen)
            if clear is not None:
                values[:, ~clear[n]] = np.nan
            check_reflectance(values, chosen, item)
            out[n, [names.index(band) for band in chosen]] = places[grid].bilinear(values)
    for item, values in zip(items, out, strict=True):
        check_brightness(values, item)
    out[np.broadcast_to(np.isnan(out).any(axis=1, keepdims=True), out.shape)] = np.nan
    return out


def _clear(
    source: Sensor,
    raw: dict[NativeGrid, Float32Array],
    items: Sequence[Item],
    bands_of: dict[NativeGrid, list[str]],
    places: Places,
    grid: NativeGrid,
) -> BoolArray | None:
    """(item, y, x) on a band's grid: the mask's pixel in which each pixel lies is clear."""
    mask = source.mask()
    if mask is None:
        return None
    holder = next(own for own, bands in bands_of.items() if mask.key in bands)
    values = raw[holder][:, bands_of[holder].index(mask.key)]
    for item, codes in zip(items, values, strict=True):
        take_out_nodata(codes, codes, item.assets[mask.key].nodata)
    if holder != grid:
        onto = sampling(grid.geobox(places[grid].needed), holder)
        values = onto.nearest(values, places[holder].needed)
    return source.is_clear(values)


def _rescaled(
    source: Sensor, numbers: Float32Array, item: Item, bands: Sequence[str]
) -> Float32Array:
    """Reflectance of (band, y, x) numbers: (number + offset) * scale, NaN where nodata."""
    offset = np.array([item.assets[band].offset for band in bands], np.float32)
    scale = np.array([item.assets[band].scale for band in bands], np.float32)
    values = (numbers + offset[:, None, None]) * scale[:, None, None]
    for n, band in enumerate(bands):
        take_out_nodata(values[n], numbers[n], source.nodata, item.assets[band].nodata)
    return values
