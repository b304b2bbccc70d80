"""How often each pair of grey levels occurs in a window, kept up to date from row to row.

A window has N pairs; pair i occurs n_i times among them, in either order. With weight w_i = 2 for
pairs of equal levels, which fill one entry of the symmetric matrix, and 1 for the others, which
fill two,

    Asm = sum_i n_i w_i n_i / (2 N^2)        Ent = ln 2N - (sum_i n_i ln n_i + D ln 2) / N

with D the number of pairs of equal levels. From one window to the one below it a row of pairs
leaves and a row enters. Each pair changes one count, and what the change does to both sums is
looked up: it is one 64-bit integer, sum n_i w_i n_i in its low bits and sum n_i ln n_i in fixed
point above. Integer sums do not drift, so a window's depend on its contents alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minecover.arrays import Int64Array
from minecover.engines.compiled import compiled

__all__ = [
    "FRACTION",
    "MISSING",
    "SQUARES",
    "CountArray",
    "LevelArray",
    "PairArray",
    "change_of_sums",
    "code_pairs",
    "empty_counts",
    "sum_pairs",
]

PairArray = npt.NDArray[np.uint64]
CountArray = npt.NDArray[np.uint16]
LevelArray = npt.NDArray[np.uint8]

MISSING = 255
"""Grey level of nodata."""

SQUARES = 18
"""Bits of the sum of squares: at most 2 * 210^2 in a window of 15."""

FRACTION = 34
"""Bits after the point of the sum of n ln n: 210 ln 210 takes 11 before it, and 63 are there."""

_MOST = 210
"""Pairs of one direction in a window of 15."""

# The four codes of a place, 16 bits each, come in one read.
_FIRST = np.uint64(0xFFFF)
_ONE, _TWO, _THREE = np.uint64(16), np.uint64(32), np.uint64(48)

# A count starts at one of these, by the kind of its pair, and its change is looked up from there.
_DIAGONAL = 256
_NODATA = 768  # counts of pairs that touch nodata go both ways from here, and weigh nothing


def change_of_sums() -> Int64Array:
    """Change of both sums as a count goes from n to n + 1, at n past the start of its kind."""
    n = np.arange(_MOST + 1)
    logs = np.round(n * np.log(np.maximum(n, 1)) * 2.0**FRACTION).astype(np.int64)
    change = np.zeros(1024, np.int64)
    for start, weight in ((0, 1), (_DIAGONAL, 2)):
        change[start : start + _MOST] = (np.diff(logs) << SQUARES) + weight * np.diff(n**2)
    return change


def empty_counts(levels: int) -> CountArray:
    """Make the counts of windows that hold no pair, one direction after the other.

    A pair of levels low <= high is found at ``high (high + 1) / 2 + low`` of its direction, pairs
    that touch nodata come last.
    """
    counts = np.zeros((4, levels * (levels + 1) // 2 + 1), np.uint16)
    high = np.arange(levels)
    counts[:, high * (high + 3) // 2] = _DIAGONAL
    counts[:, -1] = _NODATA
    return counts.ravel()


@compiled
def code_pairs(levels: LevelArray, offsets: Int64Array, size: int, codes: PairArray) -> None:
    """Code pairs by where their counts lie: `codes` (row, column), 16 bits for each direction.

    What rows it has more than `levels` are nodata, and stand for what lies over the first window;
    `size` is the number of counts of a direction. A pair lies at its upper pixel's row and its left
    pixel's column.
    """
    high, wide = levels.shape
    above = codes.shape[0] - high
    nodata = np.uint64(0)
    for d in range(4):
        nodata |= np.uint64((d + 1) * size - 1) << np.uint64(16 * d)
    codes[:above] = nodata
    codes[above:] = 0
    for d in range(4):
        down, right = offsets[d, 0], offsets[d, 1]
        from_a, from_b, n = max(0, -right), max(0, right), wide - abs(right)
        first, none, shift = np.uint16(d * size), np.uint16(size - 1), np.uint64(16 * d)
        for r in range(high - down):
            a, b = levels[r, from_a : from_a + n], levels[r + down, from_b : from_b + n]
            row = codes[r + above]
            for x in range(n):
                low = np.uint16(min(a[x], b[x]))
                top = np.uint16(max(a[x], b[x]))
                code = np.uint16(((top * (top + np.uint16(1))) >> 1) + low)
                code = np.uint16(first + (none if top == MISSING else code))
                row[x] |= np.uint64(code) << shift


@compiled
def _enter(counts: CountArray, change: Int64Array, code: int) -> int:
    n = counts[code]
    counts[code] = n + np.uint16(1)
    return int(change[n])


@compiled
def _leave(counts: CountArray, change: Int64Array, code: int) -> int:
    n = np.uint16(counts[code] - np.uint16(1))
    counts[code] = n
    return int(change[n])


@compiled
def sum_pairs(
    codes: PairArray,
    window: int,
    offsets: Int64Array,
    empty: CountArray,
    change: Int64Array,
    out: Int64Array,
) -> None:
    """Both sums of every window, packed: ``out`` (y, direction, x).

    Directions are 0, 45, 90 and 135 degrees: the first has all rows of a window, the third all
    its columns. Their counts change in turns, because a change must wait for the one before it
    only where both are of the same direction.
    """
    ny, nx = out.shape[0], out.shape[2]
    above = codes.shape[0] - (ny + window - 1)
    across, diagonal, down = offsets[0, 1], offsets[1, 0], offsets[2, 0]
    counts = empty.copy()
    for x in range(nx):
        counts[:] = empty
        s0, s1, s2, s3 = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        end0, end1 = np.uint64(x + window - across), np.uint64(x + window - diagonal)
        end2 = np.uint64(x + window)
        for y in range(1 - window, ny):
            old, below = codes[y - 1 + above], y + above + window - 1
            new0, new1, new2 = codes[below], codes[below - diagonal], codes[below - down]
            for c in range(np.uint64(x), end0):
                pairs, entering = old[c], new1[c]
                s0 -= _leave(counts, change, pairs & _FIRST)
                s1 -= _leave(counts, change, (pairs >> _ONE) & _FIRST)
                s2 -= _leave(counts, change, (pairs >> _TWO) & _FIRST)
                s3 -= _leave(counts, change, pairs >> _THREE)
                s0 += _enter(counts, change, new0[c] & _FIRST)
                s1 += _enter(counts, change, (entering >> _ONE) & _FIRST)
                s2 += _enter(counts, change, (new2[c] >> _TWO) & _FIRST)
                s3 += _enter(counts, change, entering >> _THREE)
            for c in range(end0, end1):
                s1 -= _leave(counts, change, (old[c] >> _ONE) & _FIRST)
                s3 -= _leave(counts, change, old[c] >> _THREE)
                s1 += _enter(counts, change, (new1[c] >> _ONE) & _FIRST)
                s3 += _enter(counts, change, new1[c] >> _THREE)
            for c in range(end0, end2):
                s2 -= _leave(counts, change, (old[c] >> _TWO) & _FIRST)
                s2 += _enter(counts, change, (new2[c] >> _TWO) & _FIRST)
            if y >= 0:
                out[y, 0, x], out[y, 1, x], out[y, 2, x], out[y, 3, x] = s0, s1, s2, s3
