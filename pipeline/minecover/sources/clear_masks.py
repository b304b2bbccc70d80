"""Which pixels of images are clear, by all masks of a source, each on the grid that it lies on.

There may be the mask of the sensor, looked at again where it masks on nearly every date
(`persistent_masks`); rasters that the survey names; and masks that are computed of reflectance. A
pixel is clear where all of them say so, each by its own pixel in which that one lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from minecover.arrays import BoolArray
from minecover.errors import MinecoverError
from minecover.geography.grid import Window
from minecover.sources.cloud_mask import CloudMask
from minecover.sources.images import Codes, Group, Sensor
from minecover.sources.item_pixels import reflectance_on
from minecover.sources.manifest import Item
from minecover.sources.native import NativeGrid
from minecover.sources.persistent_masks import CLEAR, MASKED, UNSEEN, persistent, taken_back
from minecover.sources.reader import Reader
from minecover.sources.resample import sampling

__all__ = ["mask_clouds"]


@dataclass(frozen=True)
class _ClearMask:
    """Which pixels of the items of a group are clear.

    Attributes
    ----------
    grid, window
        Where.
    clear
        (item, y, x).
    outside
        Whether pixels beyond the window are.
    """

    grid: NativeGrid
    window: Window
    clear: BoolArray
    outside: bool = False

    def onto(self, grid: NativeGrid, window: Window) -> BoolArray:
        """(item, y, x) of a window of another grid: the pixel in which each of its pixels lies."""
        if (grid, window) == (self.grid, self.window):
            return self.clear
        place = sampling(grid.geobox(window), self.grid)
        return place.nearest(self.clear, self.window, np.bool_(self.outside))


def mask_clouds(source: Sensor, reader: Reader, groups: Sequence[Group], target: GeoBox) -> None:
    """Decide which pixels of all items of a season are clear.

    Parameters
    ----------
    source
        Knows its masks.
    reader
        Reads what masks need beside what was read.
    groups
        As they were read; `Images.clear` is replaced.
    target
        Where the observations are wanted.
    """
    for group in groups:
        masks = list(_masks(source, reader, group, target))
        for images in group.images:
            for n, mask in enumerate(masks):
                clear = mask.onto(images.grid, images.place.needed)
                images.clear = clear if n == 0 else images.clear & clear


def _masks(source: Sensor, reader: Reader, group: Group, target: GeoBox) -> Iterator[_ClearMask]:
    mask = source.mask()
    if mask is not None:
        codes = group.codes[mask.key]
        clear = source.is_clear(codes.values)
        _spare_ground(source, reader, group.items, codes, clear)
        outside = source.is_clear(np.full((1, 1, 1), np.nan, np.float32))[0, 0, 0]
        yield _ClearMask(codes.grid, codes.place.needed, clear, bool(outside))
    for own in source.own_masks():
        codes = group.codes[own.key]
        assets = [item.assets[own.key] for item in group.items]
        each = zip(codes.values, assets, strict=True)
        clear = np.array([own.is_clear(values, asset.nodata) for values, asset in each])
        yield _ClearMask(codes.grid, codes.place.needed, clear)
    for computed in source.cloud_masks():
        yield _of_reflectance(source, computed, reader, group.items, target)


def _spare_ground(
    source: Sensor, reader: Reader, items: Sequence[Item], codes: Codes, clear: BoolArray
) -> None:
    """Mark as clear what is masked on nearly every date and does not change, (item, y, x)."""
    bands = source.ground_bands()
    if bands is None:
        return
    states = np.where(clear, CLEAR, np.where(source.is_observed(codes.values), MASKED, UNSEEN))
    # another version of an image is no other date
    overpasses = [item.acquisition for item in items]
    states[[n for n, number in enumerate(overpasses) if number in overpasses[:n]]] = UNSEEN
    again = persistent(states)
    if not again.any():
        return
    part, corner = _around(again), codes.place.needed
    geobox = codes.grid.geobox(part.shifted(corner.y0, corner.x0))
    visible, infrared = reflectance_on(source.nodata, reader, items, bands, geobox).swapaxes(0, 1)
    clear[:, *part.slices] |= taken_back(states[:, *part.slices], visible, infrared)


def _around(marked: BoolArray) -> Window:
    """Window of all marked pixels."""
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    return Window(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _of_reflectance(
    source: Sensor,
    mask: CloudMask[Any],
    reader: Reader,
    items: Sequence[Item],
    target: GeoBox,
) -> _ClearMask:
    """Compute a mask of reflectance on the grid of its first band, image by image."""
    grid = NativeGrid.of(items[0].assets[mask.bands[0]])
    window = sampling(target, grid).needed
    geobox = grid.geobox(window.pad(mask.halo))
    clear = np.empty((len(items), *window.shape), np.bool_)
    for item, out in zip(items, clear, strict=True):
        image = reflectance_on(source.nodata, reader, [item], mask.bands, geobox)[0]
        found = mask.is_clear(image)
        if found.shape != window.shape or found.dtype != np.bool_:
            raise MinecoverError(
                f"cloud mask {mask.name}: it gives {found.dtype} of shape {found.shape} for pixels "
                f"of shape {image.shape} with a halo of {mask.halo}; it must be bool of shape "
                f"{window.shape}"
            )
        out[:] = found
    return _ClearMask(grid, window, clear)
