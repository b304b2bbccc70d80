"""Texture of a block of windows: integer sums over pairs, counts of pairs, and features of both.

With C the sum of (a - b)^2 over the N pairs (a, b) of a window, S1 of a + b and S2 of a^2 + b^2,

    Contrast = C / N        Corr = (2N (S2 - C) - S1^2) / (2N S2 - S1^2)

and Idm is the mean of 1 / (1 + (a - b)^2), summed in fixed point. All sums are 32-bit integers:
they slide from window to window without drift, and flat windows are recognised exactly.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.engines.compiled import compiled
from minecover.features._texture_counts import (
    FRACTION,
    MISSING,
    SQUARES,
    CountArray,
    LevelArray,
    PairArray,
    code_pairs,
    sum_pairs,
)

__all__ = ["grey_levels", "texture_block"]

SumArray = npt.NDArray[np.int32]

_IDM_ONE = np.float32(2**23)
_IDM_UNIT = np.float32(2.0**-23)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_LN2 = math.log(2.0)
_NAN = np.float32(np.nan)
_UNIT = 2.0**-FRACTION
_LOW = (1 << SQUARES) - 1


@compiled
def grey_levels(
    band: Float32Array, top: int, left: int, ny: int, nx: int, low: float, scale: float, levels: int
) -> LevelArray:
    out = np.empty((ny, nx), np.uint8)
    highest = np.float64(levels - 1)
    for y in range(ny):
        row, here = out[y], band[top + y, left : left + nx]
        for x in range(nx):
            value = (np.float64(here[x]) - low) * scale
            bounded = min(max(value, 0.0), highest)
            row[x] = np.uint8(bounded if value == value else 255.0)
    return out


@compiled
def _add_pairs(a: LevelArray, b: LevelArray, sign: int, sums: SumArray) -> None:
    """Add (`sign` 1) or take away (-1) one row of pairs.

    Four sums: (a - b)^2; 1 / (1 + (a - b)^2) in steps of 2^-23; a^2 + b^2; and, packed, a + b in
    the low 15 bits, valid pairs in the next 8, pairs of equal levels in the top 8.
    """
    for x in range(a.size):
        first, second = np.int32(a[x]), np.int32(b[x])
        valid = np.int32(sign) if max(first, second) < MISSING else np.int32(0)
        square = np.int32((first - second) * (first - second))
        inverse = np.int32(_IDM_ONE / (_ONE + np.float32(square)) + _HALF)
        equal = np.int32(1 << 23) if first == second else np.int32(0)
        sums[0, x] += np.int32(valid * square)
        sums[1, x] += np.int32(valid * inverse)
        sums[2, x] += np.int32(valid * (first * first + second * second))
        sums[3, x] += np.int32(valid * (first + second + (1 << 15) + equal))


@compiled
def _across(sums: SumArray, columns: int, box: SumArray) -> None:
    """Sum `columns` adjacent column sums."""
    n = box.shape[1]
    for f in range(4):
        total, row = box[f], sums[f]
        for x in range(n):
            total[x] = row[x]
        for k in range(1, columns - 3, 4):
            r0, r1 = row[k : k + n], row[k + 1 : k + 1 + n]
            r2, r3 = row[k + 2 : k + 2 + n], row[k + 3 : k + 3 + n]
            for x in range(n):
                total[x] += (r0[x] + r1[x]) + (r2[x] + r3[x])
        for k in range(columns - (columns - 1) % 4, columns):
            shifted = row[k : k + n]
            for x in range(n):
                total[x] += shifted[x]


@compiled
def _of_counts(packed: SumArray, pairs: int, logs: Float64Array, n: Float64Array) -> None:
    """Look up ln 2N and 1 / N of every window; without nodata all windows have the same N."""
    fewest = np.int32(255)
    for x in range(packed.size):
        fewest = min(fewest, np.int32((packed[x] >> 15) & 255))
    if fewest == pairs:
        n[0], n[1] = logs[pairs], 1.0 / pairs
        return
    for x in range(packed.size):
        count = np.int32((packed[x] >> 15) & 255)
        n[0, x], n[1, x] = logs[count], 1.0 / max(count, np.int32(1))


@compiled
def _entropy(box: SumArray, sums: Int64Array, n: Float64Array, values: Float32Array) -> None:
    """Ent, and for `_moments` the sum of squares in place of Asm."""
    for x in range(sums.size):
        both, equal = sums[x], np.float64(np.int32(box[3, x] >> 23))
        logs = np.float64(both >> SQUARES) * _UNIT
        entropy = n[0, x] - (logs + equal * _LN2) * n[1, x]
        values[0, x] = np.float32(np.int32(both & _LOW))
        values[1, x] = np.float32(max(entropy, 0.0))


@compiled
def _moments(box: SumArray, values: Float32Array) -> None:
    """Asm, Contrast, Idm and Corr; where there is no valid pair, `values[5]` is 0."""
    for x in range(box.shape[1]):
        count = np.int32((box[3, x] >> 15) & 255)
        share = _ONE / np.float32(max(count, np.int32(1)))
        values[0, x] = _HALF * values[0, x] * share * share
        values[2, x] = np.float32(box[0, x]) * share
        values[3, x] = np.float32(box[1, x]) * share * _IDM_UNIT
        values[5, x] = _ONE if count > 0 else np.float32(0.0)
    for x in range(box.shape[1]):
        packed = box[3, x]
        double = np.int32((packed >> 14) & 510)
        centre = np.int32((packed & 32767) * (packed & 32767))
        variance = np.int32(double * box[2, x] - centre)
        covariance = np.int32(variance - double * box[0, x])
        below = np.float32(max(variance, np.int32(1)))
        values[4, x] = _ONE if variance == 0 else np.float32(covariance) / below


@compiled
def texture_block(
    levels: LevelArray,
    out: Float32Array,
    top: int,
    left: int,
    offsets: Int64Array,
    empty: CountArray,
    change: Int64Array,
    window: int,
    code_buffer: PairArray,
    sum_buffer: Int64Array,
) -> None:
    """Texture of a block of windows; `levels` has their halo.

    Both buffers hold as large a block.
    """
    high, wide = levels.shape
    ny, nx = high - window + 1, wide - window + 1
    # in one piece: the compiler must see that neighbours lie side by side
    codes = code_buffer[: (high + window) * wide].reshape(high + window, wide)
    both = sum_buffer[: ny * 4 * nx].reshape(ny, 4, nx)
    code_pairs(levels, offsets, empty.size // 4, codes)
    sum_pairs(codes, window, offsets, empty, change, both)
    sums = np.zeros((4, 4, wide), np.int32)
    box = np.empty((4, nx), np.int32)
    n = np.empty((2, nx), np.float64)
    values = np.empty((4, 6, nx), np.float32)
    logs = np.zeros(window * window + 1, np.float64)
    for k in range(1, logs.size):
        logs[k] = math.log(2.0 * k)
    for y in range(ny):
        for d in range(4):
            height, columns = window - offsets[d, 0], window - abs(offsets[d, 1])
            _slide(levels, offsets[d, 0], offsets[d, 1], y, height, sums[d])
            _across(sums[d], columns, box)
            _of_counts(box[3], height * columns, logs, n)
            _entropy(box, both[y, d], n, values[d])
            _moments(box, values[d])
        centre = levels[y + window // 2, window // 2 : window // 2 + nx]
        _write(values, centre, out, top + y, left)


@compiled
def _slide(levels: LevelArray, down: int, right: int, y: int, height: int, sums: SumArray) -> None:
    """Move the column sums of pairs to the windows of row `y`."""
    wide = levels.shape[1] - abs(right)
    from_a, from_b = max(0, -right), max(0, right)
    first = y if y == 0 else y + height - 1
    for r in range(first, y + height):
        a = levels[r, from_a : from_a + wide]
        _add_pairs(a, levels[r + down, from_b : from_b + wide], 1, sums)
    if y > 0:
        a = levels[y - 1, from_a : from_a + wide]
        _add_pairs(a, levels[y - 1 + down, from_b : from_b + wide], -1, sums)


@compiled
def _write(values: Float32Array, centre: LevelArray, out: Float32Array, y: int, left: int) -> None:
    n = centre.size
    for f in range(5):
        if out.shape[0] == 20:
            for d in range(4):
                row = out[4 * f + d, y, left : left + n]
                for x in range(n):
                    known = (values[d, 5, x] > 0.0) & (centre[x] != MISSING)
                    row[x] = values[d, f, x] if known else _NAN
        else:
            row = out[f, y, left : left + n]
            for x in range(n):
                k0, k1, k2, k3 = values[0, 5, x], values[1, 5, x], values[2, 5, x], values[3, 5, x]
                total = values[0, f, x] * k0 + values[1, f, x] * k1
                total = (total + values[2, f, x] * k2) + values[3, f, x] * k3
                known = (k0 + k1) + (k2 + k3)
                valid = (known > 0.0) & (centre[x] != MISSING)
                row[x] = total / known if valid else _NAN
