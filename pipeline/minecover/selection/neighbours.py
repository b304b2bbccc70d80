"""Numba kernels of Relief-F: distances and the k nearest samples of each class.

Samples are sorted by class and packed in blocks of `LANES` samples of one class, features first,
so that one vector instruction serves several samples. The distance of a pair is always summed
over the features in their order, whatever the block and however many threads work: the neighbours
are the same bit for bit however the samples are cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["LANES", "Neighbours", "Packed", "compiled", "nearest"]

F64: TypeAlias = npt.NDArray[np.float64]
I64: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
_F = TypeVar("_F", bound=Callable[..., object])

LANES = 128
"""Samples in a block: 112 features x 128 samples x 8 bytes stay in a level-2 cache."""

_GROUP = 16  # queries that share one pass over the blocks; a multiple of 4
_NEAR_TIE = 1.0 + 1e-12  # distances closer than this differ by rounding only
_GUESSES = 12  # before quickselect takes over
_LARGEST = float(np.finfo(np.float64).max)


class Packed(NamedTuple):
    """Samples sorted by class (stable), in the two layouts the kernels read.

    ``blocks`` (block, feature, LANES) holds continuous features scaled to 0-1, then categorical
    ones; a block holds samples of one class, padded. ``rows`` (sample, feature) holds raw values.
    """

    blocks: F64
    block_class: I64
    block_start: I64
    block_size: I64
    classes: int
    continuous: int  # the first features of a block
    mismatch: F64  # distance of a pair whose categorical features differ in 0, 1, 2, ... places
    missing: bool  # distances are means over the features present in both
    rows: F64
    cut: F64  # a raw difference above it ...
    cap: F64  # ... counts as this one


class Neighbours(NamedTuple):
    """The nearest samples of each class for each query, in the order of their positions."""

    distance: F64  # (query, class, k), infinity where there are fewer
    position: I64  # (query, class, k) in the samples sorted by class, -1 where there are fewer
    found: I64  # (query, class)
    tied: Bools  # (query, class): a sample left out is as near as the furthest one taken


class _Buffers(NamedTuple):
    distance: F64  # (group, room)
    position: I64
    filled: I64  # (group,)
    bound: F64  # (group,) nothing further away can be among the k nearest
    dropped: F64  # (group,) nearest sample left out
    out: F64  # (4, LANES)
    work: F64  # (2, room)


def compiled(function: _F) -> _F:
    """Compile at first use, keep the machine code, let other threads run meanwhile."""
    return cast(_F, njit(cache=True, nogil=True)(function))


@compiled
def _add_manhattan(block: F64, continuous: int, queries: F64, first: int, out: F64) -> None:
    """Add ``sum_f |queries[first + i, f] - block[f, j]|`` to ``out[i, j]`` for four queries."""
    o0, o1, o2, o3 = out[0], out[1], out[2], out[3]
    q0, q1, q2, q3 = queries[first], queries[first + 1], queries[first + 2], queries[first + 3]
    unrolled = continuous - continuous % 4
    for f in range(0, unrolled, 4):
        b0, b1, b2, b3 = block[f], block[f + 1], block[f + 2], block[f + 3]
        a00, a01, a02, a03 = q0[f], q0[f + 1], q0[f + 2], q0[f + 3]
        a10, a11, a12, a13 = q1[f], q1[f + 1], q1[f + 2], q1[f + 3]
        a20, a21, a22, a23 = q2[f], q2[f + 1], q2[f + 2], q2[f + 3]
        a30, a31, a32, a33 = q3[f], q3[f + 1], q3[f + 2], q3[f + 3]
        for j in range(block.shape[1]):
            v0, v1, v2, v3 = b0[j], b1[j], b2[j], b3[j]
            # Left to right: another association would change the last bit of a distance.
            o0[j] = (((o0[j] + abs(a00 - v0)) + abs(a01 - v1)) + abs(a02 - v2)) + abs(a03 - v3)
            o1[j] = (((o1[j] + abs(a10 - v0)) + abs(a11 - v1)) + abs(a12 - v2)) + abs(a13 - v3)
            o2[j] = (((o2[j] + abs(a20 - v0)) + abs(a21 - v1)) + abs(a22 - v2)) + abs(a23 - v3)
            o3[j] = (((o3[j] + abs(a30 - v0)) + abs(a31 - v1)) + abs(a32 - v2)) + abs(a33 - v3)
    for f in range(unrolled, continuous):
        b0 = block[f]
        for j in range(block.shape[1]):
            o0[j] += abs(q0[f] - b0[j])
            o1[j] += abs(q1[f] - b0[j])
            o2[j] += abs(q2[f] - b0[j])
            o3[j] += abs(q3[f] - b0[j])


@compiled
def _add_mismatches(
    block: F64, continuous: int, query: F64, weights: F64, mismatches: F64, out: F64
) -> None:
    """Add ``weights[number of categorical features that differ]`` to ``out[j]``."""
    mismatches[:] = 0.0
    for f in range(continuous, block.shape[0]):
        a, b = query[f], block[f]
        for j in range(block.shape[1]):
            mismatches[j] += 1.0 if a != b[j] else 0.0
    for j in range(block.shape[1]):
        out[j] += weights[int(mismatches[j])]


@compiled
def _mean_over_present(block: F64, continuous: int, query: F64, present: F64, out: F64) -> None:
    """Set ``out[j]`` to the mean difference over the features present in both; none: infinity."""
    present[:] = 0.0
    out[:] = 0.0
    for f in range(block.shape[0]):
        a, b = query[f], block[f]
        if f < continuous:
            for j in range(block.shape[1]):
                d = abs(a - b[j])
                out[j] += d if d == d else 0.0
                present[j] += 1.0 if d == d else 0.0
        else:
            for j in range(block.shape[1]):
                d = a - b[j]
                out[j] += 1.0 if d < 0.0 or d > 0.0 else 0.0
                present[j] += 1.0 if d == d else 0.0
    for j in range(block.shape[1]):
        out[j] = out[j] / present[j] if present[j] > 0.0 else np.inf


@compiled
def _distances(packed: Packed, b: int, queries: F64, first: int, work: F64, out: F64) -> None:
    """Distances of four queries to the samples of block ``b``, into ``out`` (4, LANES)."""
    block, continuous = packed.blocks[b], packed.continuous
    if packed.missing:
        for i in range(4):
            _mean_over_present(block, continuous, queries[first + i], work, out[i])
        return
    out[:] = 0.0
    _add_manhattan(block, continuous, queries, first, out)
    if continuous < block.shape[0]:
        for i in range(4):
            _add_mismatches(block, continuous, queries[first + i], packed.mismatch, work, out[i])


@compiled
def _pivot(values: F64, count: int, k: int) -> float:
    """One of three of ``values[:count]``, whichever should lie nearest the k-th smallest."""
    a, b, c = values[0], values[count // 2], values[count - 1]
    if 3 * k < count:
        return float(min(a, b, c))
    if 3 * k > 2 * count:
        return float(max(a, b, c))
    return float(max(min(a, b), min(max(a, b), c)))


@compiled
def _kth_smallest(values: F64, count: int, k: int, above: F64) -> float:
    """Find the k-th smallest (from 1) of ``values[:count]``; both arrays are overwritten.

    Quickselect that moves every value to two places and then advances in one of them: no branch
    depends on a comparison, so none is mispredicted.
    """
    while True:
        pivot = _pivot(values, count, k)
        below, rest, equal = 0, 0, 0
        for i in range(count):
            v = values[i]
            values[below] = v
            above[rest] = v
            below += v < pivot
            rest += v > pivot
            equal += v == pivot
        if k <= below:
            count = below
        elif k <= below + equal:
            return pivot
        else:
            k -= below + equal
            count = rest
            values, above = above, values


@compiled
def _threshold(values: F64, count: int, k: int) -> float:
    """Find a value that exactly k of ``values[:count]`` do not exceed, NaN if it takes long.

    Counting is vectorised and the guesses interpolate between the counts, so a handful of passes
    do where quickselect mispredicts or moves every value. Where values are tied there may be no
    such threshold.
    """
    low, high = values[0], values[0]
    for i in range(count):
        low, high = min(low, values[i]), max(high, values[i])
    below, above = 0, count
    for step in range(_GUESSES):
        share = (k - below) / (above - below) if step % 3 < 2 else 0.5
        guess = low + (high - low) * share
        within = 0
        for i in range(count):
            within += values[i] <= guess
        if within == k:
            return float(guess)
        if within < k:
            low, below = guess, within
        else:
            high, above = guess, within
    return np.nan


@compiled
def _keep_nearest(
    distance: F64, position: I64, count: int, k: int, work: F64
) -> tuple[float, float]:
    """Keep the k smallest in place, in order, ties by position; k-th and smallest one dropped."""
    limit, ties = _threshold(distance, count, k), count
    if np.isnan(limit):
        for i in range(count):  # assigning a slice takes seconds to compile
            work[0, i] = distance[i]
        limit = _kth_smallest(work[0], count, k, work[1])
        ties = k
        for i in range(count):
            ties -= distance[i] < limit
    kept, kth, dropped = 0, 0.0, np.inf
    for i in range(count):
        d = distance[i]
        tie = (d == limit) & (ties > 0)
        take = (d < limit) | tie
        ties -= tie
        distance[kept] = d
        position[kept] = position[i]
        kept += take
        kth = max(kth, d if take else 0.0)
        dropped = min(dropped, np.inf if take else d)
    return kth, dropped


@compiled
def _shrink(buffers: _Buffers, q: int, k: int) -> None:
    """Keep the k nearest in buffer ``q`` and tighten its bound."""
    kth, lost = _keep_nearest(
        buffers.distance[q], buffers.position[q], buffers.filled[q], k, buffers.work
    )
    buffers.filled[q] = k
    buffers.bound[q] = min(kth * _NEAR_TIE, _LARGEST)
    buffers.dropped[q] = min(buffers.dropped[q], lost)


@compiled
def _offer(packed: Packed, b: int, own: int, q: int, d: F64, k: int, buffers: _Buffers) -> None:
    """Add to buffer ``q`` the samples of block ``b`` that may be among its k nearest."""
    start, size, limit = packed.block_start[b], packed.block_size[b], buffers.bound[q]
    distance, position, n = buffers.distance[q], buffers.position[q], buffers.filled[q]
    if 0 <= own - start < size:
        d[own - start] = np.inf
    for j in range(size):
        distance[n] = d[j]
        position[n] = start + j
        n += 1 if d[j] <= limit else 0
    buffers.filled[q] = n
    if n + LANES > distance.shape[0]:
        _shrink(buffers, q, k)


@compiled
def _store(buffers: _Buffers, q: int, k: int, into: Neighbours, query: int, label: int) -> None:
    if buffers.filled[q] > k:
        _shrink(buffers, q, k)
    n = buffers.filled[q]
    furthest = 0.0
    for j in range(n):
        into.distance[query, label, j] = buffers.distance[q, j]
        into.position[query, label, j] = buffers.position[q, j]
        furthest = max(furthest, buffers.distance[q, j])
    into.found[query, label] = n
    into.tied[query, label] = buffers.dropped[q] <= furthest * _NEAR_TIE


@compiled
def _buffers(k: int) -> _Buffers:
    room = k + 4 * LANES
    return _Buffers(
        np.empty((_GROUP, room)),
        np.empty((_GROUP, room), dtype=np.int64),
        np.zeros(_GROUP, dtype=np.int64),
        np.empty(_GROUP),
        np.empty(_GROUP),
        np.empty((4, LANES)),
        np.empty((2, room)),
    )


@compiled
def nearest(packed: Packed, queries: F64, own: I64, k: int) -> Neighbours:
    """Find the k nearest samples of each class for every query; ties go to the first position.

    ``queries`` (a multiple of 4, feature) are laid out as the features of a block; ``own`` says
    at which position a query itself lies (it is never its own neighbour), -1 for nowhere.
    """
    count = queries.shape[0]
    result = Neighbours(
        np.full((count, packed.classes, k), np.inf),
        np.full((count, packed.classes, k), -1, dtype=np.int64),
        np.zeros((count, packed.classes), dtype=np.int64),
        np.zeros((count, packed.classes), dtype=np.bool_),
    )
    buffers = _buffers(k)
    for group in range(0, count, _GROUP):
        members = min(_GROUP, count - group)
        for b in range(packed.blocks.shape[0]):
            label = packed.block_class[b]
            if b == 0 or packed.block_class[b - 1] != label:
                buffers.filled[:] = 0
                buffers.bound[:] = _LARGEST
                buffers.dropped[:] = np.inf
            for i in range(0, members, 4):
                _distances(packed, b, queries, group + i, buffers.work[0, :LANES], buffers.out)
                for q in range(i, i + 4):
                    _offer(packed, b, own[group + q], q, buffers.out[q - i], k, buffers)
            if b + 1 == packed.blocks.shape[0] or packed.block_class[b + 1] != label:
                for q in range(members):
                    _store(buffers, q, k, result, group + q, label)
    return result
