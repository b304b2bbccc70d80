"""From digital numbers of a season to reflectance on the survey's pixels, some rows at a time.

Nodata and masks are taken out, numbers rescaled and resampled in one pass over rows that fit into
the processor's cache, so that no array of a whole window is made on the way.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.engines.compiled import compiled
from minecover.sources.resample import HALF, add_samples, weigh

__all__ = [
    "copy_rows",
    "interpolate_rows",
    "mosaic_rows",
    "resample_rows",
    "rescale_row",
    "rescaled",
]

Numbers = npt.NDArray[np.uint16] | Float32Array

ZERO, ONE, NAN = np.float32(0), np.float32(1), np.float32(np.nan)


def rescaled(numbers: Numbers, clear: BoolArray, rescaling: Float32Array) -> Float32Array:
    """Reflectance of one image, (y, x), NaN where nodata or not clear; see `rescale_row`."""
    out = np.empty(numbers.shape, np.float32)
    for y in range(len(numbers)):
        rescale_row(numbers[y], clear[y], rescaling, out[y])
    return out


@compiled
def rescale_row(
    numbers: Numbers,
    clear: BoolArray,
    rescaling: Float32Array,
    out: Float32Array,
) -> None:
    """Give (number + offset) * scale of a row, NaN where nodata, not finite or not clear.

    Parameters
    ----------
    numbers, clear, out
        (x,).
    rescaling
        Offset, scale, and the numbers that are nodata; NaN: there is no such number.
    """
    offset, scale = rescaling[0], rescaling[1]
    first, second, third = rescaling[2], rescaling[3], rescaling[4]
    for x in range(out.size):
        number = np.float32(numbers[x])
        nodata = (number == first) | (number == second) | (number == third)
        missing = nodata | (number - number != ZERO) | (not clear[x])
        out[x] = NAN if missing else (number + offset) * scale


@compiled
def copy_rows(
    numbers: Numbers,
    clear: BoolArray,
    rescaling: Float32Array,
    corner: tuple[int, int],
    layers: Int64Array,
    out: Float32Array,
) -> None:
    """Copy reflectance where every pixel of the target is one of the raster.

    Parameters
    ----------
    numbers
        (item, band, y, x).
    clear
        (item, y, x).
    rescaling
        (item, band, 5): see `rescale_row`.
    corner
        Row and column of the numbers at which the target's rows begin; may lie off them.
    layers
        (band,), where each band is in `out`.
    out
        (item, layer, y, x); NaN off the raster.
    """
    items, bands, height, width = numbers.shape
    top, left = corner
    x0, x1 = max(0, -left), min(out.shape[3], width - left)
    for n in range(items):
        for band in range(bands):
            for y in range(out.shape[2]):
                into, own = out[n, layers[band], y], top + y
                into[:] = NAN
                if 0 <= own < height and x0 < x1:
                    here = slice(left + x0, left + x1)
                    rescale_row(
                        numbers[n, band, own, here], clear[n, own, here], rescaling[n, band],
                        into[x0:x1],
                    )  # fmt: skip


@compiled
def interpolate_rows(
    numbers: Numbers,
    clear: BoolArray,
    rescaling: Float32Array,
    rows: Float64Array,
    columns: Float64Array,
    layers: Int64Array,
    out: Float32Array,
) -> None:
    """Do what `resample_rows` does where rows and columns run along the raster's own.

    One sample is taken for each pixel. Each row of the raster is spread over the target's columns
    once, for all rows of the target that it is a neighbour of.

    Parameters
    ----------
    numbers, clear, rescaling, layers, out
        As of `copy_rows`.
    rows, columns
        Positions of the target's rows and columns, (y,) and (x,), counted from the numbers' corner.
    """
    items, bands, _, width = numbers.shape
    left = np.floor(columns).astype(np.int64)
    right = columns - left
    # what lies off the raster is taken from beyond the end of a row, where NaN stands
    first = np.where((left >= 0) & (left < width), left, width)
    second = np.where((left >= -1) & (left < width - 1), left + 1, width)
    lowest = int(np.floor(rows[0]))
    parts = _corner_parts(rows - np.floor(rows), right)
    spread = np.empty((int(np.floor(rows[-1])) + 2 - lowest, 2, columns.size), np.float32)
    for n in range(items):
        for band in range(bands):
            image = numbers[n, band]
            _spread(image, clear[n], rescaling[n, band], lowest, first, second, spread)
            for i in range(rows.size):
                k = int(np.floor(rows[i])) - lowest
                lower = rows[i] - np.floor(rows[i]) >= HALF
                into = out[n, layers[band], i]
                _weighted(spread[k], spread[k + 1], parts[i], lower, right, into)


@compiled
def _corner_parts(down: Float64Array, right: Float64Array) -> Float32Array:
    """Weights of the four neighbours, (y, corner, x), as `resample.weigh` has them."""
    parts = np.empty((down.size, 4, right.size), np.float32)
    for i in range(down.size):
        for j in range(right.size):
            parts[i, 0, j] = (1.0 - down[i]) * (1.0 - right[j])
            parts[i, 1, j] = (1.0 - down[i]) * right[j]
            parts[i, 2, j] = down[i] * (1.0 - right[j])
            parts[i, 3, j] = down[i] * right[j]
    return parts


@compiled
def _spread(
    numbers: Numbers,
    clear: BoolArray,
    rescaling: Float32Array,
    lowest: int,
    first: Int64Array,
    second: Int64Array,
    out: Float32Array,
) -> None:
    """Give the left and the right neighbours of the target's columns in rows from `lowest` on."""
    height, width = numbers.shape
    row = np.empty(width + 1, np.float32)
    row[width] = NAN
    for k in range(len(out)):
        y = lowest + k
        if 0 <= y < height:
            rescale_row(numbers[y], clear[y], rescaling, row[:width])
        else:
            row[:] = NAN
        for j in range(first.size):
            out[k, 0, j] = row[first[j]]
            out[k, 1, j] = row[second[j]]


@compiled
def _weighted(
    above: Float32Array,
    below: Float32Array,
    parts: Float32Array,
    lower: bool,
    right: Float64Array,
    out: Float32Array,
) -> None:
    """Mean of four neighbours by their weights; NaN ones have none, unless it is the pixel's own.

    Parameters
    ----------
    above, below
        (left and right, x).
    parts
        (corner, x).
    lower, right
        Whether the pixels lie in the row below, and how far to the right of the left neighbour.
    """
    holders = below if lower else above
    for j in range(out.size):
        total = weight = ZERO
        for corner in range(4):
            value = above[corner, j] if corner < 2 else below[corner - 2, j]
            part = parts[corner, j]
            total += part * value if value == value else ZERO
            weight += part if value == value else ZERO
        own = holders[1, j] if right[j] >= HALF else holders[0, j]
        out[j] = total / weight if own == own else NAN


@compiled
def resample_rows(
    numbers: Numbers,
    clear: BoolArray,
    rescaling: Float32Array,
    rows: Float64Array,
    columns: Float64Array,
    factor: int,
    layers: Int64Array,
    out: Float32Array,
) -> None:
    """Resample reflectance by the weights of `resample.weigh`.

    Parameters
    ----------
    numbers, clear, rescaling, layers, out
        As of `copy_rows`.
    rows, columns
        Positions of the samples, (y, x), counted from the numbers' corner.
    factor
        Samples along the edge of a target pixel.
    """
    items, bands, height, width = numbers.shape
    samples, count = rows.shape
    places = np.zeros((samples, 4, count), np.int64)
    parts = np.zeros((samples, 4, count), np.float32)
    own = np.zeros((samples, 4, count), np.float32)
    for i in range(samples):
        weigh(rows[i], columns[i], height, width, factor, places[i], parts[i], own[i])
    first = min(max(int(np.floor(rows.min())), 0), height - 1)
    last = min(max(int(np.floor(rows.max())) + 1, first), height - 1)
    for i in range(samples):
        for corner in range(4):
            for j in range(count):
                places[i, corner, j] = max(places[i, corner, j] - first * width, 0)
    block = np.empty((last - first + 1, width), np.float32)
    sums = np.empty((3, out.shape[3]), np.float32)
    for n in range(items):
        for band in range(bands):
            for y in range(first, last + 1):
                rescale_row(numbers[n, band, y], clear[n, y], rescaling[n, band], block[y - first])
            pixels = block.ravel()
            for i in range(samples):
                if i % factor == 0:
                    sums[:] = ZERO
                add_samples(pixels, places[i], parts[i], own[i], factor, sums)
                if i % factor == factor - 1:
                    _mean(sums, out[n, layers[band], i // factor])


@compiled
def _mean(sums: Float32Array, out: Float32Array) -> None:
    for k in range(out.size):
        mean = sums[0, k] / sums[1, k]
        out[k] = mean if sums[2, k] >= HALF else NAN


@compiled
def blank_incomplete(
    values: Float32Array, black: np.float32, bright: BoolArray, valid: Int64Array
) -> None:
    """Make all bands NaN where any is.

    Parameters
    ----------
    values
        (item, band, y, x), changed in place.
    black
        Reflectance above which an item is bright.
    bright
        (item,), set where a pixel of any band is.
    valid
        (item,), to which the valid pixels of the first band are added.
    """
    items, bands, height, width = values.shape
    whole = np.empty(width, np.bool_)
    for n in range(items):
        for y in range(height):
            whole[:] = True
            lit = False
            for band in range(bands):
                row = values[n, band, y]
                for x in range(width):
                    whole[x] &= row[x] == row[x]
                    lit |= row[x] > black
            bright[n] |= lit
            for x in range(width):
                valid[n] += int(values[n, 0, y, x] == values[n, 0, y, x])
            for band in range(bands):
                row = values[n, band, y]
                for x in range(width):
                    row[x] = row[x] if whole[x] else NAN


@compiled
def mosaic_rows(values: Float32Array, overpasses: Int64Array, stack: Float32Array) -> None:
    """Fill observations, pixel by pixel, with the first item that has any.

    Parameters
    ----------
    values
        (item, band, y, x), the first items first, each pixel NaN in all bands or in none.
    overpasses
        Position of each item's observation in `stack`.
    stack
        (overpass, band, y, x), NaN where nothing was filled yet.
    """
    items, bands, height, width = values.shape
    for n in range(items):
        target = stack[overpasses[n]]
        for band in range(bands):
            for y in range(height):
                row, into = values[n, band, y], target[band, y]
                for x in range(width):
                    into[x] = row[x] if into[x] != into[x] else into[x]
