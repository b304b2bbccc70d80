"""Numba kernels of Relief-F: distances between samples, in steps for all and in float64 for some.

Scores need the nearest samples and not how near they are. All pairs are therefore compared in
integers: values in `STEPS` steps of the range, packed in blocks of `LANES` samples of one class,
features first, so that one vector instruction serves many samples. Rounding moves such a distance
by less than a known slack; samples that lie within it of the k-th are measured again in float64,
always summed over the features in their order. The neighbours are those of float64 distances,
bit for bit, however the samples are cut and however many threads work.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float64Array, Int64Array
from minecover.engines.compiled import compiled

__all__ = [
    "FAR",
    "LANES",
    "MISSING",
    "NEAR_TIE",
    "STEPS",
    "Packed",
    "Workspace",
    "distances",
    "slack",
    "steps_apart",
    "workspace",
]

Int32Array: TypeAlias = npt.NDArray[np.int32]
UInt16Array: TypeAlias = npt.NDArray[np.uint16]

LANES = 128
"""Samples in a block: 112 features x 128 samples x 2 bytes stay in a level-1 cache."""

STEPS = 4095
"""Steps a range is cut into; the differences of `_CHUNK` features just fit 16 bits."""

MISSING = 65_535
"""Step or category of a missing value."""

NEAR_TIE = 1.0 + 1e-12
"""Distances closer than this differ by rounding only."""

FAR = np.iinfo(np.int32).max
"""No distance in steps: no feature in common, or the query itself."""

_CHUNK = 16  # features
_FINER = 256  # so many parts of a step tell mean differences apart, where values are missing


class Packed(NamedTuple):
    """Samples sorted by class (stable), in the layouts the kernels read.

    ``steps`` (block, feature, LANES) holds continuous features in steps, features of zeros up to
    a multiple of 4, then categorical ones as codes; a block holds samples of one class, padded.
    ``scaled`` (sample, feature) holds continuous features scaled to 0-1, then categorical ones;
    ``rows`` (sample, feature) holds raw values.
    """

    steps: UInt16Array
    block_class: Int64Array
    block_start: Int64Array
    block_size: Int64Array
    classes: int
    continuous: int  # the first features
    mismatch: (
        Float64Array  # distance of a pair whose categorical features differ in 0, 1, 2, ... places
    )
    mismatch_steps: Int64Array  # the same in steps
    missing: bool  # distances are means over the features present in both
    scaled: Float64Array
    rows: Float64Array
    cut: Float64Array  # a raw difference above it ...
    cap: Float64Array  # ... counts as this one


class Workspace(NamedTuple):
    """Room for measuring four queries to one block in steps."""

    part: UInt16Array  # (4, LANES)
    places: Int32Array  # (LANES,) counts of features


@compiled
def slack(packed: Packed) -> int:
    """Bound in steps how far a distance in steps and in float64 differ.

    Each continuous feature is rounded by half a step in either sample, the distance of mismatches
    or the mean by one at most. The rounding of sums in float64 and ``NEAR_TIE`` are less than one
    step for up to 250,000 features.
    """
    return (_FINER if packed.missing else packed.continuous) + 3


@compiled
def _apart(a: int, b: int) -> np.uint16:
    return np.uint16(max(a, b) - min(a, b))


@compiled
def _add_manhattan(
    block: UInt16Array,
    continuous: int,
    queries: UInt16Array,
    first: int,
    part: UInt16Array,
    out: Int32Array,
    at: int,
) -> None:
    """Add ``sum_f |queries[i, f] - block[f, j]|`` to ``out[i, at + j]`` for i from ``first``."""
    p0, p1, p2, p3 = part[0], part[1], part[2], part[3]
    q0, q1, q2, q3 = queries[first], queries[first + 1], queries[first + 2], queries[first + 3]
    for chunk in range(0, continuous, _CHUNK):
        part[:] = 0
        for f in range(chunk, min(chunk + _CHUNK, continuous), 4):
            b0, b1, b2, b3 = block[f], block[f + 1], block[f + 2], block[f + 3]
            a00, a01, a02, a03 = q0[f], q0[f + 1], q0[f + 2], q0[f + 3]
            a10, a11, a12, a13 = q1[f], q1[f + 1], q1[f + 2], q1[f + 3]
            a20, a21, a22, a23 = q2[f], q2[f + 1], q2[f + 2], q2[f + 3]
            a30, a31, a32, a33 = q3[f], q3[f + 1], q3[f + 2], q3[f + 3]
            for j in range(LANES):
                v0, v1, v2, v3 = b0[j], b1[j], b2[j], b3[j]
                p0[j] += _apart(a00, v0) + _apart(a01, v1) + _apart(a02, v2) + _apart(a03, v3)
                p1[j] += _apart(a10, v0) + _apart(a11, v1) + _apart(a12, v2) + _apart(a13, v3)
                p2[j] += _apart(a20, v0) + _apart(a21, v1) + _apart(a22, v2) + _apart(a23, v3)
                p3[j] += _apart(a30, v0) + _apart(a31, v1) + _apart(a32, v2) + _apart(a33, v3)
        for i in range(4):
            total, differences = out[first + i, at : at + LANES], part[i]
            for j in range(LANES):
                total[j] += differences[j]


@compiled
def _add_mismatches(
    packed: Packed, block: UInt16Array, query: UInt16Array, count: Int32Array, out: Int32Array
) -> None:
    """Add the distance of the categorical features that differ to ``out[j]``."""
    count[:] = 0
    for f in range(query.shape[0] - packed.mismatch.shape[0] + 1, query.shape[0]):
        a, b = query[f], block[f]
        for j in range(LANES):
            count[j] += 1 if a != b[j] else 0
    for j in range(LANES):
        out[j] += packed.mismatch_steps[count[j]]


@compiled
def _mean_over_present(
    packed: Packed, block: UInt16Array, query: UInt16Array, present: Int32Array, out: Int32Array
) -> None:
    """Set ``out[j]`` to the mean difference over the features present in both; none: far."""
    present[:] = 0
    categorical = query.shape[0] - packed.mismatch.shape[0] + 1
    for f in range(query.shape[0]):
        a, b = query[f], block[f]
        if a == MISSING or packed.continuous <= f < categorical:
            continue
        for j in range(LANES):
            d = np.int32(_apart(a, b[j]))
            if f >= categorical:
                d = np.int32(STEPS if d > 0 else 0)
            out[j] += d if b[j] != MISSING else 0
            present[j] += 1 if b[j] != MISSING else 0
    for j in range(LANES):
        mean = out[j] * float(_FINER) / max(present[j], 1)
        out[j] = np.int32(mean) if present[j] > 0 else FAR


@compiled
def steps_apart(
    packed: Packed,
    b: int,
    queries: UInt16Array,
    first: int,
    work: Workspace,
    out: Int32Array,
    at: int,
) -> None:
    """Measure four queries, from ``first``, to block ``b`` in steps.

    The distances go to ``out[first : first + 4, at : at + LANES]``, each row of which is taken
    as a whole: a slice of two dimensions would hide from the compiler that lanes are adjacent.
    """
    block = packed.steps[b]
    for i in range(first, first + 4):
        out[i, at : at + LANES] = 0
    if not packed.missing:
        _add_manhattan(block, packed.continuous, queries, first, work.part, out, at)
    for i in range(first, first + 4):
        row = out[i, at : at + LANES]
        if packed.missing:
            _mean_over_present(packed, block, queries[i], work.places, row)
        elif packed.mismatch.shape[0] > 1:
            _add_mismatches(packed, block, queries[i], work.places, row)


@compiled
def _mean_difference(packed: Packed, query: Float64Array, row: Float64Array) -> float:
    total, present = 0.0, 0
    for f in range(query.shape[0]):
        d = abs(query[f] - row[f])
        if d == d:
            present += 1
            total += d if f < packed.continuous else (1.0 if d > 0.0 else 0.0)
    return total / present if present > 0 else np.inf


@compiled
def _mismatch(packed: Packed, query: Float64Array, row: Float64Array) -> float:
    different = 0
    for f in range(packed.continuous, query.shape[0]):
        different += query[f] != row[f]
    return float(packed.mismatch[different])


@compiled
def distances(packed: Packed, query: Float64Array, position: Int64Array, out: Float64Array) -> None:
    """Measure ``query`` (as a row of ``packed.scaled``) to the samples at ``position``, into `out`.

    Four samples at a time, each summed from the first feature to the last.
    """
    rows, last = packed.scaled, position.shape[0] - 1
    if packed.missing:
        for i in range(last + 1):
            out[i] = _mean_difference(packed, query, rows[position[i]])
        return
    for i in range(0, last + 1, 4):
        i1, i2, i3 = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        r0, r1, r2, r3 = (
            rows[position[i]], rows[position[i1]], rows[position[i2]], rows[position[i3]],
        )  # fmt: skip
        d0, d1, d2, d3 = 0.0, 0.0, 0.0, 0.0
        for f in range(packed.continuous):
            a = query[f]
            d0, d1 = d0 + abs(a - r0[f]), d1 + abs(a - r1[f])
            d2, d3 = d2 + abs(a - r2[f]), d3 + abs(a - r3[f])
        out[i], out[i1], out[i2], out[i3] = d0, d1, d2, d3
    if packed.mismatch.shape[0] > 1:
        for i in range(last + 1):
            out[i] += _mismatch(packed, query, rows[position[i]])


@compiled
def workspace() -> Workspace:
    """Room for one thread."""
    return Workspace(
        np.empty((4, LANES), dtype=np.uint16),
        np.empty(LANES, dtype=np.int32),
    )
