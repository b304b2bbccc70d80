"""Asm and Ent of grey-level pairs from the number of times each pair occurs in a window.

A window has N pairs; pair i occurs n_i times among them, in either order. With weight w_i = 2 for
pairs of equal levels, which fill one entry of the symmetric matrix, and 1 for the others, which
fill two,

    Asm = sum_i n_i w_i / (2 N^2)        Ent = ln 2N - (sum_i ln n_i + D ln 2) / N

with D the number of pairs of equal levels. The n_i come from sorted pair codes: equal codes lie
side by side. Sums run over sorted codes, so they depend on the contents of the window alone.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from minecover.features._texture_lanes import CHUNK, LANES, count_lanes, exchange_lanes
from minecover.features.kernel import compiled

__all__ = [
    "DIAGONAL",
    "MISSING",
    "PADDING",
    "CodeArray",
    "count_pairs",
    "log_product",
    "pair_codes",
]

CodeArray = npt.NDArray[np.uint16]
LevelArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
SumArray = npt.NDArray[np.int32]
DoubleArray = npt.NDArray[np.float64]

DIAGONAL = 1 << 15
"""Set in the code of a pair of equal levels."""

MISSING = 1 << 13
"""First code of pairs that touch nodata; larger than any pair of 64 levels."""

PADDING = (1 << 15) - 1
"""A code no pair has, in a row that makes the number of codes even; it counts as missing."""

_LN2 = math.log(2.0)
_SQRT2 = math.sqrt(2.0)


@compiled
def pair_codes(a: LevelArray, b: LevelArray, phase: CodeArray, base: int, out: CodeArray) -> None:
    """Code the unordered pairs of levels of two rows.

    A pair that touches nodata (level 255) gets a code that no other pair of its window has,
    ``base + phase``: it then occurs once, its logarithm is zero and it is subtracted exactly.
    """
    for x in range(out.size):
        first, second = np.uint16(a[x]), np.uint16(b[x])
        low, high = min(first, second), max(first, second)
        code = np.uint16(low * 64 + high)
        if low == high:
            code = np.uint16(code | DIAGONAL)
        if high == 255:
            code = np.uint16(base + phase[x])
        out[x] = code


@compiled
def _sort(
    codes: CodeArray, top: int, height: int, left: int, n: int, rows: CodeArray, steps: IntArray
) -> None:
    """Run the steps of a `Program` on the `n` windows from `left` on, all of them at once."""
    for r in range(height):
        here, row = codes[top + r, left : left + n + LANES], rows[r]
        for x in range(here.size):
            row[x] = here[x]
    base = rows.ctypes.data
    for k in range(steps.shape[0]):
        low, high, a, b = steps[k, 0], steps[k, 1], steps[k, 2], steps[k, 3]
        for x in range(0, n + steps[k, 4], LANES):
            exchange_lanes(base, low + x, high + x, a + x, b + x)


@compiled
def count_pairs(
    codes: CodeArray,
    top: int,
    height: int,
    rows: CodeArray,
    runs: CodeArray,
    steps: IntArray,
    order: IntArray,
    squares: SumArray,
    total: DoubleArray,
) -> None:
    """Sum of n_i w_i and product of n_i of adjacent windows.

    Parameters
    ----------
    codes, top, height
        Pair codes, and which rows of them the windows cover.
    rows, runs
        Workspace. A row has room for the windows sorted at once and twice `LANES` more.
    steps, order
        A `Program`, with positions in the workspace in place of rows.
    squares, total
        Receive, for each window, the sum and the product, the latter scaled by a power of two
        for each `CHUNK` counts. Their size is the number of windows, a multiple of `LANES`.
    """
    scale = 2.0 ** -chunk_exponent(order.size)
    base, positions, room = rows.ctypes.data, order.ctypes.data, runs.ctypes.data
    sums, products = squares.ctypes.data, total.ctypes.data
    at_once = rows.shape[1] - 2 * LANES
    for left in range(0, squares.size, at_once):
        n = min(at_once, squares.size - left)
        _sort(codes, top, height, left, n, rows, steps)
        for x in range(0, n, LANES):
            to = left + x
            count_lanes(
                base, positions, order.size, x, room, scale, sums + 4 * to, products + 8 * to
            )


@compiled
def chunk_exponent(pairs: int) -> int:
    """Power of two by which the product of a chunk is scaled down.

    The product of up to 210 counts of up to 210 would overflow; half its largest exponent keeps
    it within 2^+-830.
    """
    return int(0.5 * CHUNK * math.log2(float(pairs)))


@compiled
def log_product(products: IntArray, mantissas: IntArray, pairs: int, logs: DoubleArray) -> None:
    """Natural logarithm of what scaled products stand for.

    Parameters
    ----------
    products
        The bits of the products (float64).
    mantissas
        Workspace of that size.
    pairs
        Codes in a window, which fixes the scale.
    logs
        Receives the logarithms.
    """
    shift = chunk_exponent(pairs) * ((pairs + CHUNK - 1) // CHUNK) - 1023
    for x in range(logs.size):
        logs[x] = np.float64((products[x] >> 52) + shift)
        mantissas[x] = (products[x] & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000
    _add_log(mantissas.view(np.float64), logs)


@compiled
def _add_log(mantissas: DoubleArray, logs: DoubleArray) -> None:
    # ln m = 2 atanh((m - 1) / (m + 1)); for m within a factor sqrt 2 of one, 8 terms of its series
    # err by less than 1e-13.
    for x in range(logs.size):
        m, exponent = mantissas[x], logs[x]
        exponent = exponent + 1.0 if m > _SQRT2 else exponent
        m = 0.5 * m if m > _SQRT2 else m
        t = (m - 1.0) / (m + 1.0)
        q = t * t
        tail = 1 / 9 + q * (1 / 11 + q * (1 / 13 + q / 15))
        series = 1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * tail)))
        logs[x] = exponent * _LN2 + 2.0 * t * series
