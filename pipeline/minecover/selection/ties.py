"""Neighbours at equal distances, in the order in which skrebate meets them.

skrebate sorts each query's distances with ``np.argsort``, which is not stable: of several samples
at the distance of the k-th neighbour it takes those that NumPy's sort happens to put first on the
machine at hand. Where the k-th neighbour is tied, this module repeats that choice, from distances
rounded as skrebate rounds them.
"""

from __future__ import annotations

import sys

import numpy as np

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.engines.compiled import compiled
from minecover.selection.distances import Packed, distances

__all__ = ["skrebate_neighbours"]


@compiled
def _sum_of_eights(values: Float64Array, start: int, count: int) -> float:
    """Sum up to 128 values as ``np.sum`` does: in eight partial sums."""
    total = 0.0
    if count < 8:
        for i in range(start, start + count):
            total += values[i]
        return float(total)
    r = values[start : start + 8].copy()
    whole = count - count % 8
    for i in range(8, whole):
        r[i % 8] += values[start + i]
    total += ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
    for i in range(start + whole, start + count):
        total += values[i]
    return float(total)


@compiled
def _pairwise_sum(values: Float64Array, count: int) -> float:
    """Sum ``values[:count]`` as ``np.sum`` does, to the last bit: halves beyond 128 values.

    The halving is a stack and not a recursion, which numba cannot load from its cache.
    """
    starts, counts, depths = np.zeros(64, np.int64), np.zeros(64, np.int64), np.zeros(64, np.int64)
    sums, levels = np.zeros(64), np.zeros(64, np.int64)
    counts[0] = count
    waiting, summed = 1, 0
    while waiting > 0:
        waiting -= 1
        first, size, depth = starts[waiting], counts[waiting], depths[waiting]
        if size > 128:
            half = size // 2 - size // 2 % 8
            starts[waiting], counts[waiting], depths[waiting] = first + half, size - half, depth + 1
            waiting += 1
            starts[waiting], counts[waiting], depths[waiting] = first, half, depth + 1
            waiting += 1
            continue
        sums[summed], levels[summed] = _sum_of_eights(values, first, size), depth
        summed += 1
        while summed > 1 and levels[summed - 1] == levels[summed - 2]:  # both halves of a whole
            summed -= 1
            sums[summed - 1] += sums[summed]
            levels[summed - 1] -= 1
    return float(sums[0])


@compiled
def _means_over_present(
    rows: Float64Array, query: Float64Array, categorical: BoolArray, span: Float64Array
) -> Float64Array:
    """Distances with missing values as ``skrebate.scoring_utils.get_row_missing`` has them."""
    result = np.empty(rows.shape[0])
    parts = np.empty(rows.shape[1])
    for j in range(rows.shape[0]):
        continuous, mismatches, present = 0, 0, 0
        for f in range(rows.shape[1]):
            d = abs(query[f] - rows[j, f])
            if np.isnan(d):
                continue
            present += 1
            if categorical[f]:
                mismatches += 1 if d > 0.0 else 0
            else:
                parts[continuous] = d / span[f]
                continuous += 1
        total = mismatches + _pairwise_sum(parts, continuous)
        result[j] = total / present if present > 0 else np.nan
    return result


def skrebate_neighbours(
    packed: Packed,
    order: Int64Array,
    number: Int64Array,
    own: int,
    query: Float64Array,
    categorical: BoolArray,
    k: int,
) -> tuple[Int64Array, Int64Array]:
    """Find the k nearest samples of each class for one query as skrebate picks them.

    Parameters
    ----------
    packed
        All samples, sorted by class.
    order
        (n,) original row of each sorted sample.
    number
        (n,) class number of each sorted sample.
    own
        Position of the query among the sorted samples.
    query
        (p,) the query as ``packed.scaled`` holds it.
    categorical
        (p,) which features are categorical.
    k
        Neighbours of each class.

    Returns
    -------
    (class, k) int64 and (class,) int64
        Ascending positions among the sorted samples, -1 beyond those found, and their number.
    """
    if packed.missing:
        span = packed.cap
        distance = _means_over_present(packed.rows, packed.rows[own], categorical, span)
    else:
        distance = np.empty(order.size)
        distances(packed, query, np.arange(order.size), distance)
    distance[own] = sys.maxsize
    in_original_order = np.empty_like(distance)
    in_original_order[order] = distance
    sorted_position = np.empty_like(order)
    sorted_position[order] = np.arange(order.size)
    ranking = sorted_position[np.argsort(in_original_order)]
    ranking = ranking[(ranking != own) & ~np.isnan(distance[ranking])]
    position = np.full((packed.classes, k), -1, dtype=np.int64)
    found = np.zeros(packed.classes, dtype=np.int64)
    for c in range(packed.classes):
        chosen = np.sort(ranking[number[ranking] == c][:k])
        position[c, : chosen.size] = chosen
        found[c] = chosen.size
    return position, found
