"""From digital numbers of a season to reflectance on the survey's pixels, some rows at a time.

Nodata and masks are taken out, numbers rescaled and resampled in one pass over rows that fit into
the processor's cache, so that no array of a whole window is made on the way.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.engines.compiled import compiled
from minecover.sources.resample import HALF, weigh

__all__ = [
    "copy_rows",
    "count_beyond",
    "interpolate_rows",
    "mosaic_rows",
    "resample_rows",
    "rescaled",
]

Numbers = npt.NDArray[np.uint16] | Float32Array

ZERO, ONE, NAN = np.float32(0), np.float32(1), np.float32(np.nan)


def rescaled(numbers: Numbers, clear: BoolArray, rescaling: Float32Array) -> Float32Array:
    """Reflectance of one image, (y, x), NaN where nodata or not clear; see `_rescale`."""
    out = np.empty(numbers.shape, np.float32)
    for y in range(len(numbers)):
        _rescale(numbers[y], clear[y], rescaling, out[y])
    return out


@compiled
def _rescale(
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
def count_beyond(
    numbers: Numbers,
    clear: BoolArray,
    rescaling: Float32Array,
    darkest: np.float32,
    brightest: np.float32,
) -> Int64Array:
    """Count the clear pixels of every image, (item, band), outside of bounds of reflectance."""
    items, bands, height, width = numbers.shape
    out = np.zeros((items, bands), np.int64)
    row = np.empty(width, np.float32)
    for n in range(items):
        for band in range(bands):
            for y in range(height):
                _rescale(numbers[n, band, y], clear[n, y], rescaling[n, band], row)
                beyond = np.int32(0)
                for x in range(width):
                    beyond += np.int32((row[x] < darkest) | (row[x] > brightest))
                out[n, band] += beyond
    return out


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
        (item, band, 5): see `_rescale`.
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
                    _rescale(
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
    items, bands, height, width = numbers.shape
    lowest = int(np.floor(rows[0]))
    left = np.empty(columns.size, np.int64)
    right = np.empty(columns.size, np.float64)
    for j in range(columns.size):
        left[j] = int(np.floor(columns[j]))
        right[j] = columns[j] - left[j]
    parts = np.empty((rows.size, 4, columns.size), np.float32)
    for i in range(rows.size):
        down = rows[i] - np.floor(rows[i])
        for j in range(columns.size):
            parts[i, 0, j] = (1.0 - down) * (1.0 - right[j])
            parts[i, 1, j] = (1.0 - down) * right[j]
            parts[i, 2, j] = down * (1.0 - right[j])
            parts[i, 3, j] = down * right[j]
    spread = np.empty((int(np.floor(rows[-1])) + 2 - lowest, 2, columns.size), np.float32)
    row = np.empty(width + 1, np.float32)
    row[width] = NAN  # stands for every pixel off the raster
    first, second = np.empty_like(left), np.empty_like(left)
    for j in range(columns.size):
        first[j] = left[j] if 0 <= left[j] < width else width
        second[j] = left[j] + 1 if 0 <= left[j] + 1 < width else width
    for n in range(items):
        for band in range(bands):
            for k in range(len(spread)):
                y = lowest + k
                if 0 <= y < height:
                    _rescale(numbers[n, band, y], clear[n, y], rescaling[n, band], row[:width])
                else:
                    row[:width] = NAN
                for j in range(columns.size):
                    spread[k, 0, j] = row[first[j]]
                    spread[k, 1, j] = row[second[j]]
            for i in range(rows.size):
                k = int(np.floor(rows[i])) - lowest
                holder = spread[k + 1] if rows[i] - np.floor(rows[i]) >= 0.5 else spread[k]
                into = out[n, layers[band], i]
                _weighted(spread[k], spread[k + 1], parts[i], into)
                for j in range(columns.size):
                    own = holder[1, j] if right[j] >= 0.5 else holder[0, j]
                    into[j] = into[j] if own == own else NAN


@compiled
def _weighted(
    above: Float32Array, below: Float32Array, parts: Float32Array, out: Float32Array
) -> None:
    """Mean of four neighbours by their weights, of those that are not NaN, in their order."""
    for j in range(out.size):
        total = weight = ZERO
        for corner in range(4):
            value = above[corner, j] if corner < 2 else below[corner - 2, j]
            part = parts[corner, j]
            total += part * value if value == value else ZERO
            weight += part if value == value else ZERO
        out[j] = total / weight


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
                _rescale(numbers[n, band, y], clear[n, y], rescaling[n, band], block[y - first])
            pixels = block.ravel()
            for i in range(samples):
                if i % factor == 0:
                    sums[:] = ZERO
                _add(pixels, places[i], parts[i], own[i], factor, sums)
                if i % factor == factor - 1:
                    _mean(sums, out[n, layers[band], i // factor])


@compiled
def _add(
    pixels: Float32Array,
    places: Int64Array,
    parts: Float32Array,
    own: Float32Array,
    factor: int,
    sums: Float32Array,
) -> None:
    """Add a row of samples to sums, weights and valid shares."""
    for j in range(places.shape[1]):
        k = j // factor if factor > 1 else j
        total, weight, valid = sums[0, k], sums[1, k], sums[2, k]
        for corner in range(4):
            value, part = pixels[places[corner, j]], parts[corner, j]
            share = own[corner, j]
            # numbers chosen, no jump taken: the pattern of a mask cannot be foreseen
            if np.isnan(value) or part == 0:
                value = part = share = ZERO
            total += part * value
            weight += part
            valid += share
        sums[0, k], sums[1, k], sums[2, k] = total, weight, valid


@compiled
def _mean(sums: Float32Array, out: Float32Array) -> None:
    for k in range(out.size):
        mean = sums[0, k] / sums[1, k]
        out[k] = mean if sums[2, k] >= HALF else NAN


@compiled
def mosaic_rows(
    values: Float32Array,
    overpasses: Int64Array,
    black: np.float32,
    stack: Float32Array,
    bright: BoolArray,
    valid: Int64Array,
) -> None:
    """Fill observations, pixel by pixel, with the first item in which all bands are valid.

    Parameters
    ----------
    values
        (item, band, y, x), the first items first.
    overpasses
        Position of each item's observation in `stack`.
    black
        Reflectance above which an item is bright.
    stack
        (overpass, band, y, x), NaN where nothing was filled yet.
    bright
        (item,), set where a pixel of any band is.
    valid
        (item,), to which the valid pixels of the first band are added.
    """
    items, bands, height, width = values.shape
    whole = np.empty(width, np.bool_)
    for n in range(items):
        target = stack[overpasses[n]]
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
                row, into = values[n, band, y], target[band, y]
                for x in range(width):
                    into[x] = row[x] if whole[x] & (into[x] != into[x]) else into[x]
