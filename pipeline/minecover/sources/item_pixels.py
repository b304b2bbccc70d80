"""A few pixels of an item, read while it is looked up to settle what its records leave open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array
from minecover.geography.grid import Window
from minecover.sources.images import images_of
from minecover.sources.native import NativeGrid, transformer_between
from minecover.sources.numbers import Wanted
from minecover.sources.resample import sampling
from minecover.sources.values import take_out_nodata

if TYPE_CHECKING:
    from minecover.geography.grid import Grid
    from minecover.sources.item_document import Document
    from minecover.sources.manifest import Item
    from minecover.sources.reader import Reader
    from minecover.sources.records import Records

__all__ = ["item_pixels", "overlap_pixels", "reflectance_on"]

EDGE = 10_240.0
"""Metres of the edge of the part of an image that is read at most."""

PIXEL = 10.0
"""Metres of the pixels on which two images are compared."""


def item_pixels(
    records: Records, raw: Document, assets: Mapping[str, str], nodata: float | None
) -> Iterator[tuple[str, Float32Array]]:
    """Read bands of an item in the middle of the area, or of what the item shows of it.

    Parameters
    ----------
    records
        Freezes assets, and knows where the area is.
    raw
        The item's document.
    assets
        Key of the asset by name of the band.
    nodata
        Number that no observation has.

    Yields
    ------
    Name of the band, and its digital numbers (y, x), NaN where nodata; nothing where the item does
    not touch the area's rectangle.

    Raises
    ------
    DataError
        A file is missing or damaged.
    TryAgainError
        A server does not answer.
    """
    from minecover.sources.reader import open_reader  # imports libraries of rasters

    reader = open_reader("native", records.locator, s3=records.locator.s3)
    for band, key in assets.items():
        asset = records.asset(raw, key, 1.0, 0.0)
        item, own = records.item("", raw, {band: asset}), NativeGrid.of(asset)
        window = _middle(own, records.grid)
        if window is None:
            continue
        numbers = reader.read([item], [band], own.geobox(window))[0, 0]
        take_out_nodata(numbers, numbers, asset.nodata, nodata)
        yield band, numbers


def overlap_pixels(
    records: Records, raw: Document, assets: Mapping[str, str], other: Item, nodata: float | None
) -> tuple[dict[str, Float32Array], dict[str, Float32Array]] | None:
    """Read bands of two items where they overlap, on the same pixels.

    Parameters
    ----------
    records, raw, assets, nodata
        As for `item_pixels`.
    other
        The other item, frozen.

    Returns
    -------
    Reflectance of the other and digital numbers of the item, by name of the band, NaN where there
    is none; None where they do not overlap.
    """
    from minecover.sources.reader import open_reader

    frozen = {band: records.asset(raw, key, 1.0, 0.0) for band, key in assets.items()}
    if not frozen:
        return None
    item = records.item("", raw, frozen)
    left, bottom = (max(item.bounds[n], other.bounds[n]) for n in (0, 1))
    right, top = (min(item.bounds[n], other.bounds[n]) for n in (2, 3))
    if right - left < PIXEL or top - bottom < PIXEL:
        return None
    x, y, half = (left + right) / 2, (bottom + top) / 2, EDGE / 2
    box = (max(left, x - half), max(bottom, y - half), min(right, x + half), min(top, y + half))
    geobox = GeoBox.from_bbox(box, records.grid.geobox.crs, resolution=PIXEL)
    reader = open_reader("native", records.locator, s3=records.locator.s3)
    certain, numbers = (
        reflectance_on(nodata, reader, [one], list(assets), geobox)[0] for one in (other, item)
    )
    names = list(assets)
    return dict(zip(names, certain, strict=True)), dict(zip(names, numbers, strict=True))


def reflectance_on(
    nodata: float | None,
    reader: Reader,
    items: Sequence[Item],
    bands: Sequence[str],
    geobox: GeoBox,
) -> Float32Array:
    """Read bands on any pixels, (item, band, y, x): interpolated, or averaged; NaN off them."""
    out = np.full((len(items), len(bands), *geobox.shape), np.nan, np.float32)
    for n, band in enumerate(bands):
        grid = NativeGrid.of(items[0].assets[band])
        place = sampling(geobox, grid)
        if place.window is None:
            continue
        (numbers,) = reader.numbers([Wanted(items, [band], grid.geobox(place.window))])
        images = images_of(nodata, items, [band], grid, place, numbers)
        images.fill(0, out.shape[2], out[:, n : n + 1])
    return out


def _middle(own: NativeGrid, grid: Grid) -> Window | None:
    """Window of a raster in the middle of its part in the area's rectangle."""
    to_own = transformer_between(grid.crs, own.crs)
    left, bottom, right, top = to_own.transform_bounds(*grid.area.bounds)
    corners = [~own.affine @ corner for corner in ((left, top), (right, bottom))]
    (x0, x1), (y0, y1) = (sorted(ends) for ends in zip(*corners, strict=True))
    most = max(1, int(EDGE / own.pixel_size()))
    rows, columns = _cut(y0, y1, own.shape[0], most), _cut(x0, x1, own.shape[1], most)
    return None if rows is None or columns is None else Window(*rows, *columns)


def _cut(first: float, last: float, size: int, most: int) -> tuple[int, int] | None:
    """Cut a range at a raster's edges, and to a number of pixels about its middle."""
    start, stop = max(0, int(first)), min(size, int(last) + 1)
    if stop <= start:
        return None
    middle, half = (start + stop) // 2, most // 2
    return max(start, middle - half), min(stop, middle + half + 1)
