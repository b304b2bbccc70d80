"""Numba kernels of Relief-F: the k nearest samples of each class.

Distances in steps say which samples are surely among the k nearest and which surely not; those
in doubt are measured in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.engines.compiled import compiled
from minecover.selection.distances import (
    FAR,
    LANES,
    NEAR_TIE,
    Int32Array,
    Packed,
    UInt16Array,
    Workspace,
    distances,
    slack,
    steps_apart,
    workspace,
)

__all__ = ["NearestSamples", "nearest"]

_GROUP = 16  # queries that share one pass over the blocks; a multiple of 4


class NearestSamples(NamedTuple):
    """The nearest samples of each class for each query, in the order of their positions."""

    position: (
        Int64Array  # (query, class, k) in the samples sorted by class, -1 where there are fewer
    )
    found: Int64Array  # (query, class)
    tied: BoolArray  # (query, class): a sample left out is as near as the furthest one taken


class _Buffers(NamedTuple):
    steps: Int32Array  # (group, room) distances in steps to all samples of a class
    near: Int32Array  # (room,) those that may be among the k smallest
    member: Int64Array  # (room,) ... of the sample in its class
    doubtful: Int64Array  # (room,) which of those must be measured
    position: Int64Array  # (room,)
    exact: Float64Array  # (3, room)


@compiled
def _pivot(values: Float64Array, count: int, k: int) -> float:
    """One of three of ``values[:count]``, whichever should lie nearest the k-th smallest."""
    a, b, c = values[0], values[count // 2], values[count - 1]
    if 3 * k < count:
        return float(min(a, b, c))
    if 3 * k > 2 * count:
        return float(max(a, b, c))
    return float(max(min(a, b), min(max(a, b), c)))


@compiled
def _kth_smallest(values: Float64Array, count: int, k: int, above: Float64Array) -> float:
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
def _threshold(values: Int32Array, count: int, k: int, spare: int) -> int:
    """Find a value that k to k + spare of ``values[:count]`` do not exceed, or the k-th if tied.

    Counting is vectorised and most guesses interpolate between the counts: a handful of passes.
    Values that are `FAR` do not count; where only k or fewer do, any serves.
    """
    low, high, present = np.int32(FAR), np.int32(0), np.int32(0)
    for i in range(count):
        v = values[i]
        low, high = min(low, v), max(high, v if v < FAR else np.int32(0))
        present += np.int32(v < FAR)
    if present <= k:
        return FAR - 1
    least, most = int(low) - 1, int(high)  # so many values do not exceed them:
    below, above = 0, int(present)
    step = 0
    while most - least > 1:
        share = (k - below) / (above - below) if step % 3 < 2 else 0.5
        guess = least + min(max(int((most - least) * share), 1), most - least - 1)
        at_most, within = np.int32(guess), np.int32(0)
        for i in range(count):
            within += np.int32(values[i] <= at_most)
        if k <= within <= k + spare:
            return guess
        if within < k:
            least, below = guess, int(within)
        else:
            most, above = guess, int(within)
        step += 1
    return most


@compiled
def _collect(steps: Int32Array, count: int, bound: int, near: Int32Array, index: Int64Array) -> int:
    """Put the distances up to ``bound`` and their samples into ``near`` and ``index``."""
    at_most, n = np.int32(bound), np.uint64(0)
    for i in range(count):
        near[n] = steps[i]
        index[n] = i
        n += np.uint64(steps[i] <= at_most)
    return int(n)


@compiled
def _settle(
    packed: Packed, query: Float64Array, start: int, n: int, k: int, buffers: _Buffers
) -> bool:
    """Keep the k nearest of the ``n`` collected, in order; whether one left out is as near.

    Those further than twice the slack from the k-th in steps are decided, the others measured.
    """
    near, index, spread = buffers.near, buffers.member, 2 * slack(packed)
    limit, kth = _threshold(near, n, k, 0), 0
    for i in range(n):
        kth = max(kth, near[i] if near[i] <= limit else 0)
    doubts, wanted = 0, k
    for i in range(n):
        buffers.doubtful[doubts] = i
        buffers.position[doubts] = start + index[i]
        doubts += abs(near[i] - kth) <= spread
        wanted -= near[i] < kth - spread
    tied = _exclude(packed, query, doubts, wanted, buffers)
    kept = 0
    for i in range(n):
        index[kept] = index[i]
        kept += near[i] <= kth + spread
    return tied


@compiled
def _exclude(
    packed: Packed, query: Float64Array, doubts: int, wanted: int, buffers: _Buffers
) -> bool:
    """Measure the samples in doubt in float64 and put all but ``wanted`` of them out of reach."""
    exact, work, above = buffers.exact[0], buffers.exact[1], buffers.exact[2]
    distances(packed, query, buffers.position[:doubts], exact)
    for i in range(doubts):  # assigning a slice takes seconds to compile
        work[i] = exact[i]
    limit, ties = _kth_smallest(work, doubts, wanted, above), wanted
    for i in range(doubts):
        ties -= exact[i] < limit
    dropped = np.inf
    for i in range(doubts):
        if exact[i] == limit and ties > 0:
            ties -= 1
        elif exact[i] >= limit:
            dropped = min(dropped, exact[i])
            buffers.near[buffers.doubtful[i]] = FAR
    return dropped <= limit * NEAR_TIE


@compiled
def _store(
    packed: Packed,
    query: Float64Array,
    steps: Int32Array,
    span: tuple[int, int],
    k: int,
    buffers: _Buffers,
    position: Int64Array,
) -> tuple[int, bool]:
    """Put the k nearest of the class at ``span`` into ``position``: how many, and if tied."""
    start, size = span
    limit = _threshold(steps, size, k, k // 8)
    bound = min(limit + 2 * slack(packed), FAR - 1)
    n, tied = _collect(steps, size, bound, buffers.near, buffers.member), False
    if n > k:
        tied = _settle(packed, query, start, n, k, buffers)
    found = min(n, k)
    for i in range(found):
        position[i] = start + buffers.member[i]
    return found, tied


@compiled
def _measure_class(
    packed: Packed,
    first: int,
    last: int,
    steps: UInt16Array,
    own: Int64Array,
    work: Workspace,
    out: Int32Array,
) -> None:
    """Distances in steps of some queries to the samples of the blocks ``first`` to ``last``."""
    start = packed.block_start[first]
    for b in range(first, last):
        at = packed.block_start[b] - start
        for i in range(0, steps.shape[0], 4):
            steps_apart(packed, b, steps, i, work, out, at)
    end = packed.block_start[last - 1] + packed.block_size[last - 1]
    for q in range(steps.shape[0]):
        if start <= own[q] < end:
            out[q, own[q] - start] = FAR


@compiled
def _buffers(room: int) -> _Buffers:
    return _Buffers(
        np.empty((_GROUP, room), dtype=np.int32),
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.int64),
        np.empty(room, dtype=np.int64),
        np.empty(room, dtype=np.int64),
        np.empty((3, room)),
    )


@compiled
def _edges(packed: Packed) -> Int64Array:
    """First block of each class, empty ones included, and the number of blocks."""
    edges = np.zeros(packed.classes + 1, dtype=np.int64)
    for b in range(packed.block_class.shape[0]):
        edges[packed.block_class[b] + 1 :] = b + 1
    return edges


@compiled
def nearest(
    packed: Packed, queries: Float64Array, steps: UInt16Array, own: Int64Array, k: int
) -> NearestSamples:
    """Find the k nearest samples of each class for every query; ties go to the first position.

    ``queries`` (a multiple of 4, feature) are laid out as ``packed.scaled`` and, in ``steps``,
    as the features of a block; ``own`` says at which position a query itself lies (it is never
    its own neighbour), -1 for nowhere.
    """
    count = queries.shape[0]
    result = NearestSamples(
        np.full((count, packed.classes, k), -1, dtype=np.int64),
        np.zeros((count, packed.classes), dtype=np.int64),
        np.zeros((count, packed.classes), dtype=np.bool_),
    )
    edges, work = _edges(packed), workspace()
    buffers = _buffers(LANES * (edges[1:] - edges[:-1]).max() + 1)
    for group in range(0, count, _GROUP):
        end = min(group + _GROUP, count)
        for c in range(packed.classes):
            if edges[c] == edges[c + 1]:
                continue
            _measure_class(
                packed, edges[c], edges[c + 1], steps[group:end], own[group:end], work,
                buffers.steps,
            )  # fmt: skip
            start = packed.block_start[edges[c]]
            size = (
                packed.block_start[edges[c + 1] - 1] + packed.block_size[edges[c + 1] - 1] - start
            )
            for q in range(group, end):
                result.found[q, c], result.tied[q, c] = _store(
                    packed, queries[q], buffers.steps[q - group], (start, size), k, buffers,
                    result.position[q, c],
                )  # fmt: skip
    return result
