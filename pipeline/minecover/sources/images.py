"""Images of a season as they were read: digital numbers, where they lie, what is clear in them.

All dates of a part of a tile are in memory as the integers that they are in their files. What
is clear in them is decided by `clear_masks`, before a pixel is rescaled, resampled or composed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.sources.bands import Band, Mask
from minecover.sources.cloud_mask import CloudMask
from minecover.sources.manifest import Item
from minecover.sources.mask_settings import MaskAsset
from minecover.sources.native import NativeGrid
from minecover.sources.numbers import Numbers, Wanted
from minecover.sources.outliers import count_beyond
from minecover.sources.plausible import BRIGHTEST, DARKEST, check_reflectance
from minecover.sources.reader import Reader
from minecover.sources.resample import Sampling, sampling
from minecover.sources.strips import (
    copy_rows,
    interpolate_rows,
    resample_rows,
    rescaled,
)
from minecover.sources.values import take_out_nodata

__all__ = ["Codes", "Group", "Images", "Sensor", "images_of", "read_groups"]


class Sensor(Protocol):
    """What is asked of an optical source; see `optical.OpticalSource`."""

    nodata: ClassVar[float | None]

    @property
    def data_bands(self) -> tuple[Band, ...]:
        """Bands that the survey's data has, in the order of their layers."""

    @property
    def composite(self) -> str:
        """How the dates of a season become one."""

    def mask(self) -> Mask | None:
        """Say which asset masks clouds."""

    def is_clear(self, values: Float32Array) -> BoolArray:
        """Tell which values of the mask are clear."""

    def is_observed(self, values: Float32Array) -> BoolArray:
        """Tell which values of the mask are no lack of data."""

    def ground_bands(self) -> tuple[str, str] | None:
        """Name the bands by which pixels masked on nearly every date are looked at again."""

    def own_masks(self) -> tuple[MaskAsset, ...]:
        """Give the rasters of masks that the survey names."""

    def cloud_masks(self) -> tuple[CloudMask[Any], ...]:
        """Give the masks that are computed of reflectance."""


@dataclass
class Images:
    """Images of some items in the bands that lie on one grid.

    Attributes
    ----------
    bands
        Their names.
    layers
        Their positions among all bands of the source.
    grid, place
        Where the target's pixels lie on the bands' own; `numbers` are of `place.needed`.
    numbers
        (item, band, y, x) uint16 or float32.
    rescaling
        (item, band, 5): offset, scale, and up to three numbers that are nodata; see `strips`.
    clear
        (item, y, x), which pixels are clear ground.
    """

    bands: list[str]
    layers: Int64Array
    grid: NativeGrid
    place: Sampling
    numbers: npt.NDArray[np.uint16] | Float32Array
    rescaling: Float32Array
    clear: BoolArray

    def fill(self, start: int, stop: int, out: Float32Array) -> None:
        """Compute the reflectance of some rows of the target.

        Parameters
        ----------
        start, stop
            Rows of the target, half open.
        out
            (item, layer, y, x): the bands' layers are overwritten; NaN where there is none.
        """
        values = (self.numbers, self.clear, self.rescaling)
        place, factor = self.place, self.place.factor
        top, left = place.needed.y0, place.needed.x0
        if place.aligned:
            corner = (int(place.rows[start, 0]) - top, int(place.columns[0, 0]) - left)
            copy_rows(*values, corner, self.layers, out)
        elif factor == 1 and place.rows.shape[1] == 1:
            rows, columns = place.rows[start:stop, 0] - top, place.columns[0] - left
            interpolate_rows(*values, rows, columns, self.layers, out)
        else:
            samples = slice(start * factor, stop * factor)
            rows, columns = (along[samples] for along in place.within_needed())
            resample_rows(*values, rows, columns, factor, self.layers, out)

    def check(self, items: Sequence[Item]) -> None:
        """Refuse reflectance that no ground has.

        Raises
        ------
        DataError
            A tenth of a band is darker or brighter than any ground.
        """
        beyond = count_beyond(self.numbers, self.clear, self.rescaling, DARKEST, BRIGHTEST)
        for n, band in np.argwhere(beyond):
            values = rescaled(self.numbers[n, band], self.clear[n], self.rescaling[n, band])
            check_reflectance(values[np.newaxis], [self.bands[band]], items[n])


@dataclass
class Codes:
    """Values of the mask of some items, on its own grid.

    Attributes
    ----------
    grid, place
        Where the target's pixels lie on it.
    values
        (item, y, x) of `place.needed`, NaN where nodata.
    """

    grid: NativeGrid
    place: Sampling
    values: Float32Array


@dataclass
class Group:
    """Items whose assets lie on the same grids, by rank; see `Images` and `Codes`.

    Attributes
    ----------
    codes
        Of each mask, by the key of its asset.
    bright, valid
        (item,) Whether any pixel was brighter than black, and how many were valid, in the rows
        that were composed so far.
    """

    items: list[Item]
    images: list[Images]
    codes: dict[str, Codes]
    bright: BoolArray
    valid: Int64Array


def read_groups(
    source: Sensor, reader: Reader, items: Sequence[Item], target: GeoBox
) -> list[Group]:
    """Read the items of a season that lie on a target, all at once, those in its own CRS first.

    Every pixel counts as clear until `mask_clouds` decides otherwise.
    """
    own, layouts, wanted = source.mask(), [], list[Wanted]()
    masks = [*([own.key] if own else ()), *(mask.key for mask in source.own_masks())]
    for members in _by_grid(items, target):
        parts = list(_parts_of(members[0], masks))
        places = {grid: sampling(target, grid) for _, grid in parts}
        if all(place.window is not None for place in places.values()):
            layouts.append((members, parts, places))
            wanted += [Wanted(members, k, g.geobox(places[g].needed)) for k, g in parts]
    found = iter(reader.numbers(wanted))
    names = [band.name for band in source.data_bands]
    groups = []
    for members, parts, places in layouts:
        count = len(members)
        group = Group(members, [], {}, np.zeros(count, bool), np.zeros(count, np.int64))
        for keys, grid in parts:
            numbers = next(found)
            place = places[grid]
            if keys[0] in masks:
                group.codes[keys[0]] = Codes(grid, place, _codes(numbers, members, keys[0]))
                continue
            images = images_of(source.nodata, members, keys, grid, place, numbers)
            images.layers = np.array([names.index(key) for key in keys])
            group.images.append(images)
        groups.append(group)
    return groups


def _by_grid(items: Sequence[Item], target: GeoBox) -> list[list[Item]]:
    """Items on one grid together, the target's own CRS first, then by rank."""
    crs = f"EPSG:{target.crs.epsg}"
    groups: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        key = tuple((a.crs, a.transform, a.shape) for a in item.assets.values())
        groups.setdefault((key[0][0] != crs, key), []).append(item)
    return [sorted(groups[key], key=lambda item: item.rank) for key in sorted(groups)]


def _parts_of(item: Item, masks: Sequence[str]) -> Iterator[tuple[list[str], NativeGrid]]:
    """Give the assets of bands that lie on one grid together, then each mask by itself."""
    bands: dict[NativeGrid, list[str]] = {}
    for key in item.assets:
        if key not in masks:
            bands.setdefault(NativeGrid.of(item.assets[key]), []).append(key)
    for grid, keys in bands.items():
        yield keys, grid
    for mask in masks:
        yield [mask], NativeGrid.of(item.assets[mask])


def _codes(numbers: Numbers, items: Sequence[Item], key: str) -> Float32Array:
    values = numbers.floats()[:, 0]
    for item, codes in zip(items, values, strict=True):
        take_out_nodata(codes, codes, item.assets[key].nodata)
    return values


def images_of(
    nodata: float | None,
    items: Sequence[Item],
    keys: list[str],
    grid: NativeGrid,
    place: Sampling,
    numbers: Numbers,
) -> Images:
    """Take numbers of bands with the scale, offset and nodata of their records; all are clear."""
    rescaling = np.full((len(items), len(keys), 5), np.nan, np.float32)
    with np.errstate(over="ignore"):  # a number beyond float32 is read as infinite
        for n, item in enumerate(items):
            for band, key in enumerate(keys):
                asset = item.assets[key]
                rescaling[n, band, :2] = asset.offset, asset.scale
                known = [none for none in (nodata, asset.nodata) if none is not None]
                rescaling[n, band, 2 : 2 + len(known)] = known
        rescaling[:, :, 4] = numbers.nodata
    items_and_window = (len(items), *numbers.values.shape[2:])
    clear = np.ones(items_and_window, bool)
    layers = np.arange(len(keys))
    return Images(keys, layers, grid, place, numbers.values, rescaling, clear)
