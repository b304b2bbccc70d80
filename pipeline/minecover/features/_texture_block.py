"""Texture of a block of windows: integer sums over pairs, counts of pairs, and features of both.

With C the sum of (a - b)^2 over the N pairs (a, b) of a window, S1 of a + b and S2 of a^2 + b^2,

    Contrast = C / N        Corr = (2N (S2 - C) - S1^2) / (2N S2 - S1^2)

and Idm is the mean of 1 / (1 + (a - b)^2), summed in fixed point. All sums are 32-bit integers:
they slide from window to window without drift, and flat windows are recognised exactly.
"""

from __future__ import annotations

import math

import numpy as np

from minecover.features._texture_counts import (
    MISSING,
    PADDING,
    CodeArray,
    DoubleArray,
    IntArray,
    LevelArray,
    SumArray,
    count_pairs,
    log_product,
    pair_codes,
)
from minecover.features._texture_lanes import LANES
from minecover.features.kernel import FloatArray, compiled

__all__ = ["AT_ONCE", "NODATA", "grey_levels", "texture_block"]

AT_ONCE = 256
"""Windows sorted side by side; the codes of so many stay in the cache next to the core."""

NODATA = 255
"""Grey level of nodata."""

_IDM_ONE = np.float32(2**23)
_IDM_UNIT = np.float32(2.0**-23)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_LN2 = math.log(2.0)
_NAN = np.float32(np.nan)


@compiled
def grey_levels(
    band: FloatArray, top: int, left: int, ny: int, nx: int, low: float, scale: float, levels: int
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
        valid = np.int32(sign) if max(first, second) < NODATA else np.int32(0)
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
        for k in range(1, columns):
            shifted = row[k : k + n]
            for x in range(n):
                total[x] += shifted[x]


@compiled
def _log_pairs(packed: SumArray, pairs: int, logs: DoubleArray, log_2n: DoubleArray) -> None:
    """Look up ln 2N of every window; without nodata all windows have the same N."""
    fewest = np.int32(255)
    for x in range(packed.size):
        fewest = min(fewest, np.int32((packed[x] >> 15) & 255))
    if fewest == pairs:
        log_2n[:] = logs[pairs]
        return
    for x in range(packed.size):
        log_2n[x] = logs[(packed[x] >> 15) & 255]


@compiled
def _features(
    box: SumArray,
    squares: SumArray,
    log_n: DoubleArray,
    log_2n: DoubleArray,
    codes: int,
    values: FloatArray,
) -> None:
    """Five features of one direction; where there is no valid pair, `values[5]` is 0."""
    for x in range(box.shape[1]):
        packed = box[3, x]
        count = np.int32((packed >> 15) & 255)
        equal = np.int32(packed >> 23)
        n = np.int32(max(count, np.int32(1)))
        entropy = log_2n[x] - (log_n[x] + np.float64(equal) * _LN2) / np.float64(n)
        share = _ONE / np.float32(n)
        matched = np.float32(np.int32(squares[x] - codes + count))
        values[0, x] = _HALF * matched * share * share
        values[1, x] = np.float32(max(entropy, 0.0))
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
def _aligned(rows: int, columns: int) -> CodeArray:
    """Room for codes whose rows start at multiples of 64 bytes, a line of the cache."""
    room = np.empty(rows * columns + LANES, np.uint16)
    start = (64 - room.ctypes.data % 64) % 64 // 2
    return room[start : start + rows * columns].reshape(rows, columns)


@compiled
def texture_block(
    levels: LevelArray,
    out: FloatArray,
    top: int,
    left: int,
    offsets: IntArray,
    steps: IntArray,
    order: IntArray,
    starts: IntArray,
    window: int,
    padding: int,
) -> None:
    """Texture of a block of windows; `levels` has their halo."""
    high, wide = levels.shape
    ny, nx = high - window + 1, wide - window + 1
    codes = np.empty((4, high, wide), np.uint16)
    sums = np.zeros((4, 4, wide), np.int32)
    lanes = -(-nx // LANES) * LANES
    rows = _aligned(padding + 1, AT_ONCE + 2 * LANES)
    runs = _aligned(window * window + 1, LANES)
    rows[padding] = PADDING
    box = np.empty((4, nx), np.int32)
    squares = np.empty(lanes, np.int32)
    products = np.empty(lanes, np.float64)
    mantissas = np.empty(lanes, np.int64)
    log_n = np.empty(lanes, np.float64)
    log_2n = np.empty(nx, np.float64)
    values = np.empty((4, 6, nx), np.float32)
    logs = np.zeros(window * window + 1, np.float64)
    for k in range(1, logs.size):
        logs[k] = math.log(2.0 * k)
    for d in range(4):
        _code_rows(levels, offsets[d, 0], offsets[d, 1], window, codes[d])
    for y in range(ny):
        for d in range(4):
            down, right = offsets[d, 0], abs(offsets[d, 1])
            height, columns = window - down, window - right
            _slide(levels, offsets[d, 0], offsets[d, 1], y, height, sums[d])
            _across(sums[d], columns, box)
            mine = order[starts[d, 1] : starts[d + 1, 1]]
            count_pairs(
                codes[d],
                y,
                height,
                rows,
                runs,
                steps[starts[d, 0] : starts[d + 1, 0]],
                mine,
                squares,
                products,
            )
            log_product(products.view(np.int64), mantissas, mine.size, log_n)
            _log_pairs(box[3], height * columns, logs, log_2n)
            _features(box, squares, log_n, log_2n, mine.size, values[d])
        centre = levels[y + window // 2, window // 2 : window // 2 + nx]
        _write(values, centre, out, top + y, left)


@compiled
def _code_rows(levels: LevelArray, down: int, right: int, window: int, codes: CodeArray) -> None:
    wide = levels.shape[1] - abs(right)
    height, columns = window - down, window - abs(right)
    phase = np.empty(wide, np.uint16)
    for x in range(wide):
        phase[x] = x % columns
    from_a, from_b = max(0, -right), max(0, right)
    for r in range(levels.shape[0] - down):
        base = MISSING + (r % height) * columns
        a = levels[r, from_a : from_a + wide]
        b = levels[r + down, from_b : from_b + wide]
        pair_codes(a, b, phase, base, codes[r, :wide])


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
def _write(values: FloatArray, centre: LevelArray, out: FloatArray, y: int, left: int) -> None:
    n = centre.size
    for f in range(5):
        if out.shape[0] == 20:
            for d in range(4):
                row = out[4 * f + d, y, left : left + n]
                for x in range(n):
                    known = (values[d, 5, x] > 0.0) & (centre[x] != NODATA)
                    row[x] = values[d, f, x] if known else _NAN
        else:
            row = out[f, y, left : left + n]
            for x in range(n):
                k0, k1, k2, k3 = values[0, 5, x], values[1, 5, x], values[2, 5, x], values[3, 5, x]
                total = values[0, f, x] * k0 + values[1, f, x] * k1
                total = (total + values[2, f, x] * k2) + values[3, f, x] * k3
                known = (k0 + k1) + (k2 + k3)
                valid = (known > 0.0) & (centre[x] != NODATA)
                row[x] = total / known if valid else _NAN
