"""Observations of an optical source on a window, and the composite of a season.

Nodata and masked pixels are taken out on each band's own grid, before anything is resampled;
coarser bands come to the survey's pixels by bilinear weights. Of the tile, a part is read at a
time with all its dates; of a part, a few rows are composed at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array
from minecover.engines.compiled import in_strips
from minecover.geography.grid import Window
from minecover.sources.clear_masks import mask_clouds
from minecover.sources.composite import clear_count, geometric_median, median_composite
from minecover.sources.images import Group, Sensor, read_groups
from minecover.sources.manifest import Asset, Item
from minecover.sources.native import NativeGrid
from minecover.sources.plausible import BLACK, check_brightness
from minecover.sources.reader import Reader
from minecover.sources.source import Scenes
from minecover.sources.strips import blank_incomplete, mosaic_rows

__all__ = ["composite", "observations"]

PART_BYTES = 80 * 2**20
"""Bytes of all numbers of a season that are held at once; a window is composed in parts."""

SMALLEST_PART = 32
"""Edge of a part in pixels that is not divided any more."""

STRIP_BYTES = 2 * 2**20
"""Bytes of observations that are composed at once: what a processor's cache holds."""


def composite(source: Sensor, scenes: Scenes) -> Float32Array | tuple[Float32Array, ...]:
    """Compose the observations of a season, in parts of bounded memory.

    Returns
    -------
    (layer, y, x) float32: the bands, NaN where nothing was clear, and how many observations were;
    the scenes' room where they have it.
    """
    window, count = scenes.window, len(source.data_bands) + 1
    out = scenes.room or np.empty((count, *window.shape), np.float32)
    for part in _parts(window, _bytes_per_pixel(scenes)):
        rows, columns = part.within(window).slices
        _compose_part(source, scenes.part(part), [layer[rows, columns] for layer in out])
    return out


def _compose_part(source: Sensor, scenes: Scenes, out: Sequence[Float32Array]) -> None:
    season = _Season(source, scenes.reader, scenes.items, scenes.target)
    *bands, count = out
    if not season.groups:
        for band in bands:
            band[:] = np.nan
        count[:] = 0
        return
    compose = geometric_median if source.composite == "geometric_median" else median_composite
    height, width = count.shape
    observed = 4 * len(bands) * width * len(scenes.items)
    step = max(4, STRIP_BYTES // observed)

    def rows(start: int, stop: int) -> None:
        stack, values = season.scratch(min(step, stop - start))
        image = np.empty(stack.shape[1:], np.float32)
        for first in range(start, stop, step):
            last = min(first + step, stop)
            if last - first < stack.shape[2]:
                stack, values = season.scratch(last - first)
                image = np.empty(stack.shape[1:], np.float32)
            season.fill(first, last, stack, values)
            for band, composed in zip(bands, compose(stack, out=image), strict=True):
                band[first:last] = composed
            count[first:last] = clear_count(stack)

    in_strips(height, scenes.threads, rows)
    season.check()


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
    (overpass, band, y, x) float32 surface reflectance in the order of `source.data_bands`, NaN
    where masked.
    """
    season = _Season(source, reader, items, target)
    stack, values = season.scratch(int(target.shape[0]))
    season.fill(0, int(target.shape[0]), stack, values)
    season.check()
    return stack


class _Season:
    """All observations of a season on a target, read and masked.

    Attributes
    ----------
    groups
        Their images.
    """

    def __init__(
        self, source: Sensor, reader: Reader, items: Sequence[Item], target: GeoBox
    ) -> None:
        self._layers, self._width = len(source.data_bands), int(target.shape[1])
        numbers = sorted({item.acquisition for item in items})
        self._overpasses = {number: n for n, number in enumerate(numbers)}
        self._lock = threading.Lock()
        self.groups = read_groups(source, reader, items, target)
        mask_clouds(source, reader, self.groups, target)
        for group in self.groups:
            for images in group.images:
                images.check(group.items)
        self._is_plain = [self._overpasses_of(group) for group in self.groups] == [
            list(range(len(numbers)))
        ]

    def scratch(self, rows: int) -> tuple[Float32Array, Float32Array]:
        """Make memory for `fill`: of all observations, and of all items, on some rows."""
        items = max((len(group.items) for group in self.groups), default=0)
        shape = (self._layers, rows, self._width)
        stack = np.empty((len(self._overpasses), *shape), np.float32)
        return stack, stack if self._is_plain else np.empty((items, *shape), np.float32)

    def fill(self, start: int, stop: int, stack: Float32Array, values: Float32Array) -> None:
        """Compute the observations on some rows of the target.

        Parameters
        ----------
        start, stop
            The rows, half open.
        stack
            (overpass, band, y, x), overwritten; NaN where masked.
        values
            (item, band, y, x) of at least as many items as a group has: room to work in. The same
            as the stack where each observation is the one item of its overpass.
        """
        if not self._is_plain:
            stack[:] = np.nan
        for group in self.groups:
            own = values[: len(group.items)]
            for images in group.images:
                images.fill(start, stop, own)
            bright, valid = np.zeros_like(group.bright), np.zeros_like(group.valid)
            blank_incomplete(own, BLACK, bright, valid)
            if not self._is_plain:
                mosaic_rows(own, np.array(self._overpasses_of(group)), stack)
            with self._lock:
                group.bright |= bright
                group.valid += valid

    def _overpasses_of(self, group: Group) -> list[int]:
        """Position of each item's observation in the stack."""
        return [self._overpasses[item.acquisition] for item in group.items]

    def check(self) -> None:
        """Refuse items that were black in all rows; see `plausible.check_brightness`."""
        for group in self.groups:
            for item, bright, valid in zip(group.items, group.bright, group.valid, strict=True):
                check_brightness(bool(bright), int(valid), item)


def _bytes_per_pixel(scenes: Scenes) -> int:
    """Bytes of the numbers of all items, and of what is clear in them, for one pixel."""
    size = scenes.grid.resolution

    def of(asset: Asset) -> float:
        return 3 * (size / NativeGrid.of(asset).pixel_size()) ** 2

    return max(1, round(sum(of(a) for item in scenes.items for a in item.assets.values())))


def _parts(window: Window, bytes_per_pixel: int) -> Iterator[Window]:
    """Halve a window along its longer edge until a part fits into `PART_BYTES`."""
    height, width = window.shape
    if height * width * bytes_per_pixel <= PART_BYTES or max(height, width) <= SMALLEST_PART:
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
