"""How many pixels of images have a reflectance that no ground has."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.engines.compiled import compiled
from minecover.sources.strips import Numbers, rescale_row, rescaled

__all__ = ["count_beyond"]

Integers = npt.NDArray[np.uint16]


def count_beyond(
    numbers: Numbers,
    clear: BoolArray,
    rescaling: Float32Array,
    darkest: np.float32,
    brightest: np.float32,
) -> Int64Array:
    """Count the clear pixels of every image outside of bounds of reflectance.

    Parameters
    ----------
    numbers, clear, rescaling
        As of `strips.copy_rows`.
    darkest, brightest
        The bounds.

    Returns
    -------
    (item, band).
    """
    if numbers.dtype != np.uint16:
        return _count_rescaled(numbers, clear, rescaling, darkest, brightest)
    out = np.zeros(rescaling.shape[:2], np.int64)
    # there are few numbers that differ, and most images are rescaled alike
    bits = np.ascontiguousarray(rescaling).view(np.uint32).reshape(-1, rescaling.shape[2])
    _, first, kinds = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    kinds = kinds.reshape(out.shape)
    every = np.arange(2**16, dtype=np.uint16).reshape(1, -1)
    known = np.ones(every.shape, np.bool_)
    for kind, place in enumerate(first):
        table = rescaled(every, known, rescaling[np.unravel_index(place, out.shape)])[0]
        beyond = (table < darkest) | (table > brightest)
        _count_listed(cast("Integers", numbers), clear, beyond, kinds == kind, out)
    return out


@compiled
def _count_listed(
    numbers: Integers, clear: BoolArray, beyond: BoolArray, wanted: BoolArray, out: Int64Array
) -> None:
    """Count the clear pixels of some images whose numbers are among those of a table.

    Parameters
    ----------
    beyond
        (number,).
    wanted, out
        (item, band): the images, and their counts.
    """
    items, bands, height, width = numbers.shape
    for n in range(items):
        for band in range(bands):
            if not wanted[n, band]:
                continue
            lowest, highest = np.uint16(2**16 - 1), np.uint16(0)
            for y in range(height):
                row = numbers[n, band, y]
                for x in range(width):
                    lowest, highest = min(lowest, row[x]), max(highest, row[x])
            if not beyond[lowest : int(highest) + 1].any():
                continue
            for y in range(height):
                row, here = numbers[n, band, y], clear[n, y]
                count = np.int32(0)
                for x in range(width):
                    count += np.int32(beyond[row[x]] & here[x])
                out[n, band] += count


@compiled
def _count_rescaled(
    numbers: Numbers,
    clear: BoolArray,
    rescaling: Float32Array,
    darkest: np.float32,
    brightest: np.float32,
) -> Int64Array:
    """Count the clear pixels of every image beyond bounds of reflectance."""
    items, bands, height, width = numbers.shape
    out = np.zeros((items, bands), np.int64)
    row = np.empty(width, np.float32)
    for n in range(items):
        for band in range(bands):
            for y in range(height):
                rescale_row(numbers[n, band, y], clear[n, y], rescaling[n, band], row)
                beyond = np.int32(0)
                for x in range(width):
                    beyond += np.int32((row[x] < darkest) | (row[x] > brightest))
                out[n, band] += beyond
    return out
