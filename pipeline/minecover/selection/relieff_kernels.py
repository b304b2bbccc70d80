"""Numba kernels of Relief-F: from the neighbours of a query to what it adds to each score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minecover.arrays import Float64Array, Int64Array
from minecover.engines.compiled import compiled
from minecover.selection.distances import Packed

__all__ = ["Weights", "contributions"]


class Weights(NamedTuple):
    """How differences become scores."""

    inverse: Float64Array  # (feature,) one over the range
    priors: Float64Array  # (class,) share of all samples
    kononenko: bool


@compiled
def _add_plain(
    rows: Float64Array, query: Float64Array, position: Int64Array, sums: Float64Array
) -> None:
    """Sum ``|query - neighbour|`` for each feature: all continuous, none missing."""
    found = position.shape[0]
    unrolled = found - found % 4
    for i in range(0, unrolled, 4):
        r0, r1 = rows[position[i]], rows[position[i + 1]]
        r2, r3 = rows[position[i + 2]], rows[position[i + 3]]
        for f in range(query.shape[0]):
            a = query[f]
            sums[f] += (abs(a - r0[f]) + abs(a - r1[f])) + (abs(a - r2[f]) + abs(a - r3[f]))
    for i in range(unrolled, found):
        r0 = rows[position[i]]
        for f in range(query.shape[0]):
            sums[f] += abs(query[f] - r0[f])


@compiled
def _add_general(
    packed: Packed,
    query: Float64Array,
    position: Int64Array,
    sums: Float64Array,
    counts: Float64Array,
) -> None:
    """Sum differences, those above ``cut`` as ``cap``, over neighbours that have the feature."""
    cut, cap = packed.cut, packed.cap
    for i in range(position.shape[0]):
        row = packed.rows[position[i]]
        for f in range(query.shape[0]):
            d = abs(query[f] - row[f])
            capped = cap[f] if d > cut[f] else d
            sums[f] += capped if d == d else 0.0
            counts[f] += 1.0 if d == d else 0.0


@compiled
def _add_differences(
    packed: Packed,
    plain: bool,
    query: Float64Array,
    position: Int64Array,
    found: Int64Array,
    sums: Float64Array,
    counts: Float64Array,
) -> None:
    """Set sums of raw differences of one query to its neighbours, and how many count."""
    sums[:] = 0.0
    for c in range(packed.classes):
        chosen = position[c, : found[c]]
        if plain:
            _add_plain(packed.rows, query, chosen, sums[c])
            counts[c, :] = found[c]
        else:
            counts[c, :] = 0.0
            _add_general(packed, query, chosen, sums[c], counts[c])


@compiled
def _miss_skrebate(sums: Float64Array, counts: Float64Array, own: int, f: int) -> float:
    """Sum over classes of S_c (n_c / N) (C - 1) / N, N the misses of all classes together."""
    total, weighted = 0.0, 0.0
    for c in range(counts.shape[0]):
        if c != own:
            total += counts[c, f]
            weighted += sums[c, f] * counts[c, f]
    return weighted * (counts.shape[0] - 1) / (total * total) if total > 0.0 else 0.0


@compiled
def _miss_kononenko(
    sums: Float64Array, counts: Float64Array, priors: Float64Array, own: int, f: int
) -> float:
    """Mean over classes of their mean difference, weighted by prior among those present."""
    total, weighted = 0.0, 0.0
    for c in range(counts.shape[0]):
        if c != own and counts[c, f] > 0.0:
            total += priors[c]
            weighted += priors[c] * sums[c, f] / counts[c, f]
    return weighted / total if total > 0.0 else 0.0


@compiled
def _contribution(
    sums: Float64Array,
    counts: Float64Array,
    own: int,
    short: bool,
    weights: Weights,
    out: Float64Array,
) -> None:
    for f in range(out.shape[0]):
        hits = counts[own, f]
        if weights.kononenko:
            miss = _miss_kononenko(sums, counts, weights.priors, own, f)
        else:
            miss = _miss_skrebate(sums, counts, own, f)
            hits += 1.0 if short else 0.0
        hit = sums[own, f] / hits if hits > 0.0 else 0.0
        out[f] = (miss - hit) * weights.inverse[f]


@compiled
def contributions(
    packed: Packed,
    plain: bool,
    own: Int64Array,
    own_class: Int64Array,
    position: Int64Array,
    found: Int64Array,
    weights: Weights,
) -> Float64Array:
    """Give what each query adds to each score: mean difference to misses less that to hits.

    The queries are the samples at the positions ``own``; one with fewer than k hits counts itself
    as one more, as skrebate does.
    """
    k = position.shape[2]
    shape = (packed.classes, packed.rows.shape[1])
    sums, counts = np.empty(shape), np.empty(shape)
    result = np.empty((own.shape[0], shape[1]))
    for q in range(own.shape[0]):
        query, c = packed.rows[own[q]], own_class[q]
        _add_differences(packed, plain, query, position[q], found[q], sums, counts)
        _contribution(sums, counts, c, found[q, c] < k, weights, result[q])
    return result
