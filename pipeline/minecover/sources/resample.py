"""From a raster's own grid onto the survey's: exact positions, bilinear weights, no bleeding.

Positions are computed for each pixel by PROJ (not interpolated over the window, as GDAL's
approximate transformer does), counted from the raster's own origin, so that a pixel's value does
not depend on the window it is computed in. Neighbours that are NaN get no weight and the others
share it; a pixel is valid where the raster's pixel that it lies in is valid, so that a mask is
neither grown nor shrunk.

Where the survey's pixels are larger than the raster's, each is the mean of n x n bilinear samples
spread evenly over it, n the ratio of the two rounded, so that no pixel of the raster is skipped;
it is valid where at least half of the samples are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.engines.compiled import compiled, read_only
from minecover.geography.grid import Window
from minecover.sources.native import NativeGrid, transformer_between

__all__ = ["HALF", "Sampling", "add_samples", "sampling", "weigh"]

T = TypeVar("T", bound=np.generic)

MAX_FACTOR = 32
"""Samples along the edge of a pixel at most: coarser surveys read every n-th pixel."""

HELD = 3
"""Coordinates kept: of a tile in the zones of its items."""

HALF = np.float32(0.5)


@dataclass(frozen=True)
class Sampling:
    """Where the pixels of a target lie on a raster.

    Attributes
    ----------
    rows, columns
        Positions in pixels of the raster, 0 at the centre of its first; (y, x) float64, where
        both have one CRS (y, 1) and (1, x).
    factor
        Samples along the edge of a target pixel.
    window
        Pixels of the raster that are needed; None where the target lies off it.
    aligned
        Every target pixel is a pixel of the raster: values are copied.
    """

    rows: Float64Array
    columns: Float64Array
    factor: int
    window: Window | None
    aligned: bool

    @property
    def needed(self) -> Window:
        """Pixels of the raster that are needed, where the target lies on it."""
        if self.window is None:
            raise ValueError("the target lies off the raster")
        return self.window

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the target."""
        return self.rows.shape[0] // self.factor, self.columns.shape[1] // self.factor

    def within_needed(self) -> tuple[Float64Array, Float64Array]:
        """Rows and columns of every sample, counted from the corner of `needed`; (y, x) each."""
        rows, columns = np.broadcast_arrays(
            self.rows - self.needed.y0, self.columns - self.needed.x0
        )
        return read_only(rows), read_only(columns)

    def accumulate(self, values: Float32Array) -> Float32Array:
        """Sum up what the valid neighbours bring.

        Parameters
        ----------
        values
            (band, y, x) of `window`, NaN where masked.

        Returns
        -------
        (3, band, y, x): weighted sums, weights, and the share of samples that lie in a valid
        pixel. Accumulations of several rasters may be added before the mean is taken.
        """
        sums = np.zeros((3, values.shape[0], *self.shape), np.float32)
        _gather(np.ascontiguousarray(values), *self.within_needed(), self.factor, sums)
        return sums

    def bilinear(self, values: Float32Array) -> Float32Array:
        """Values of the target, (band, y, x), from those of `window`; NaN where not valid."""
        if self.aligned:
            return self._copied(values)
        return weighted_mean(self.accumulate(values))

    def nearest(self, values: npt.NDArray[T], window: Window, missing: T) -> npt.NDArray[T]:
        """Values of the pixels that the target's pixels lie in.

        Parameters
        ----------
        values
            (band, y, x).
        window
            Pixels of the raster that `values` are of.
        missing
            Value where there is none.
        """
        height, width = window.shape
        rows = np.floor(self.rows + 0.5).astype(np.int64) - window.y0
        columns = np.floor(self.columns + 0.5).astype(np.int64) - window.x0
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
        if rows.shape[1] == 1:
            taken = values[:, rows[:, 0]][:, :, columns[0]]
        else:
            taken = values[:, rows, columns]
        return taken if inside.all() else np.where(inside, taken, missing)

    def _copied(self, values: Float32Array) -> Float32Array:
        out = np.full((values.shape[0], *self.shape), np.nan, np.float32)
        height, width = self.shape
        y0, x0 = int(self.rows[0, 0]), int(self.columns[0, 0])
        whole, given = Window(y0, y0 + height, x0, x0 + width), self.needed
        out[:, *given.within(whole).slices] = values[:, *whole.within(given).slices]
        return out


def weighted_mean(sums: Float32Array) -> Float32Array:
    """Divide accumulated sums by their weights; NaN where too few samples are valid."""
    total, weights, valid = sums
    return cast(
        Float32Array,
        np.divide(total, weights, out=np.full_like(total, np.nan), where=valid >= HALF),
    )


def sampling(target: GeoBox, grid: NativeGrid) -> Sampling:
    """Find where the pixels of `target` lie on a raster's grid.

    Parameters
    ----------
    target
        North-up, in any CRS.
    grid
        Of the raster.
    """
    ratio = abs(target.affine.a) / grid.pixel_size()
    factor = min(max(1, round(ratio)), MAX_FACTOR) if target.crs.projected else 1
    rows, columns = _positions(target, grid, factor)
    aligned = (
        target.crs == grid.crs
        and factor == 1
        and (target.affine.a, target.affine.e) == (grid.transform[0], grid.transform[4])
        and rows[0, 0].is_integer()
        and columns[0, 0].is_integer()
    )
    neighbours = 0 if aligned else 1
    needed = _needed(rows, columns, grid.shape, neighbours)
    return Sampling(rows, columns, factor, needed, bool(aligned))


def _positions(target: GeoBox, grid: NativeGrid, factor: int) -> tuple[Float64Array, Float64Array]:
    crs = target.crs
    name = f"EPSG:{crs.epsg}" if crs.epsg else crs.wkt
    fine = target.affine @ Affine.scale(1 / factor)
    height, width = target.shape
    x, y = _coordinates(fine, (height * factor, width * factor), name, grid.crs)
    a, _, c, _, e, f = grid.transform
    # a millionth of a pixel: equal positions stay equal however the target is cut
    rows = np.round((y - f) / e - 0.5, 6)
    columns = np.round((x - c) / a - 0.5, 6)
    if name != grid.crs:
        lost = ~(np.isfinite(rows) & np.isfinite(columns))
        rows[lost] = columns[lost] = -10.0
    return rows, columns


@lru_cache(maxsize=HELD)
def _coordinates(
    affine: Affine, shape: tuple[int, int], crs: str, wanted: str
) -> tuple[Float64Array, Float64Array]:
    """X and y of the pixels' centres in the CRS that is wanted; (1, x) and (y, 1) in the same.

    PROJ takes as long as decoding the rasters, and items of a tile mostly share their zone.
    """
    height, width = shape
    x = np.asarray(affine.c + affine.a * (np.arange(width) + 0.5), np.float64)
    y = np.asarray(affine.f + affine.e * (np.arange(height) + 0.5), np.float64)
    if crs == wanted:
        return x.reshape(1, -1), y.reshape(-1, 1)
    grid: tuple[Float64Array, Float64Array]
    grid = transformer_between(crs, wanted).transform(*np.meshgrid(x, y))
    return grid


def _needed(
    rows: Float64Array, columns: Float64Array, shape: tuple[int, int], neighbours: int
) -> Window | None:
    """Window of the pixels that positions lie in, and of as many below and to the right."""
    on_rows, on_columns = (
        (places > -1) & (places < length)
        for places, length in zip((rows, columns), shape, strict=True)
    )
    if rows.shape == columns.shape:
        on_rows = on_columns = on_rows & on_columns
    y, x = rows[on_rows], columns[on_columns]
    if not y.size or not x.size:
        return None
    beyond = 1 + neighbours
    window = Window(
        int(np.floor(y.min())), int(np.floor(y.max())) + beyond,
        int(np.floor(x.min())), int(np.floor(x.max())) + beyond,
    ).clip(*shape)  # fmt: skip
    return window


@compiled
def _gather(
    values: Float32Array, rows: Float64Array, columns: Float64Array, factor: int, sums: Float32Array
) -> None:
    """Add to `sums` what each band brings, row by row of samples.

    What a row's samples take from their four neighbours is found once, and serves all bands.
    """
    bands, height, width = values.shape
    count = rows.shape[1]
    places = np.zeros((4, count), np.int64)
    parts = np.zeros((4, count), np.float32)
    own = np.zeros((4, count), np.float32)
    for i in range(rows.shape[0]):
        weigh(rows[i], columns[i], height, width, factor, places, parts, own)
        for band in range(bands):
            pixels = values[band].ravel()
            add_samples(pixels, places, parts, own, factor, sums[:, band, i // factor])


@compiled
def add_samples(
    pixels: Float32Array,
    places: Int64Array,
    parts: Float32Array,
    own: Float32Array,
    factor: int,
    sums: Float32Array,
) -> None:
    """Add what a row of samples takes from its neighbours.

    Parameters
    ----------
    pixels
        Of the raster, NaN where masked.
    places, parts, own
        (corner, sample), as `weigh` gives them.
    factor
        Samples along the edge of a target pixel.
    sums
        (3, x): weighted values, weights and shares of valid samples, to which is added.
    """
    for j in range(places.shape[1]):
        k = j // factor if factor > 1 else j
        total, weight, valid = sums[0, k], sums[1, k], sums[2, k]
        for corner in range(4):
            value, part = pixels[places[corner, j]], parts[corner, j]
            share = own[corner, j]
            # numbers chosen, no jump taken: the pattern of a mask cannot be foreseen
            if np.isnan(value) or part == 0:
                value = part = share = np.float32(0)
            total += part * value
            weight += part
            valid += share
        sums[0, k], sums[1, k], sums[2, k] = total, weight, valid


@compiled
def weigh(
    rows: Float64Array,
    columns: Float64Array,
    height: int,
    width: int,
    factor: int,
    places: Int64Array,
    parts: Float32Array,
    own: Float32Array,
) -> None:
    """Find each sample's neighbours, (corner, sample): place, weight, and share if it lies there.

    Those off the raster get place 0 and no weight.
    """
    share = 1.0 / (factor * factor)
    for j in range(len(rows)):
        r, c = int(np.floor(rows[j])), int(np.floor(columns[j]))
        down, right = rows[j] - r, columns[j] - c
        holder = 2 * int(down >= 0.5) + int(right >= 0.5)
        for corner in range(4):
            y, x = r + corner // 2, c + corner % 2
            part = np.float32(
                share
                * (down if corner // 2 else 1.0 - down)
                * (right if corner % 2 else 1.0 - right)
            )
            inside = 0 <= y < height and 0 <= x < width
            places[corner, j] = y * width + x if inside else 0
            parts[corner, j] = part if inside else np.float32(0)
            own[corner, j] = np.float32(share) if inside and corner == holder else np.float32(0)
