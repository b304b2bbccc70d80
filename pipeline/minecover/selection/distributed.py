"""Relief-F over Dask, for more samples than one machine holds.

Queries are drawn once. Each partition offers its k nearest samples of each class to every query;
of all that is offered the k nearest are kept; each partition then sums the differences to those
of them that it holds. Nothing but candidates and sums travels, and the neighbours are those that
`relieff` finds on one machine with ``ties="index"``, so scores agree but for the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
from dask.delayed import Delayed, delayed
from distributed import Client

from minecover.errors import DataError
from minecover.selection.distances import F64, I64, Packed
from minecover.selection.neighbours import measured, nearest
from minecover.selection.packing import (
    Scaling,
    encode,
    finite_or_missing,
    in_steps,
    normalised,
    pack,
)
from minecover.selection.relieff import (
    ReliefScores,
    Tally,
    Weighting,
    check_arguments,
    draw,
)
from minecover.selection.relieff_kernels import Weights, contributions, differences

__all__ = ["relieff_dask"]

_BATCH = 1_000
"""Queries in flight: 1,000 queries, 6 classes, k = 100 are 10 MB of candidates a partition."""


@dataclass(frozen=True)
class _Moments:
    """What one partition, or several, tell of the features."""

    rows: int
    present: I64  # (p,) values that are not missing
    minimum: F64
    maximum: F64
    mean: F64
    squares: F64  # (p,) summed squared deviations from the mean
    values: tuple[F64, ...]  # different values of each feature, discrete_threshold + 1 at most

    @classmethod
    def of(cls, x: F64, discrete_threshold: int) -> _Moments:
        kept, mean, squares, low, high = [], [], [], [], []
        for f in range(x.shape[1]):
            values = x[~np.isnan(x[:, f]), f]
            kept.append(np.unique(values)[: discrete_threshold + 1])
            mean.append(values.mean() if values.size else 0.0)
            squares.append(((values - mean[-1]) ** 2).sum())
            low.append(values.min() if values.size else np.inf)
            high.append(values.max() if values.size else -np.inf)
        present = (~np.isnan(x)).sum(axis=0)
        return cls(
            x.shape[0], present, np.array(low), np.array(high), np.array(mean),
            np.array(squares), tuple(kept),
        )  # fmt: skip

    def merged(self, other: _Moments, discrete_threshold: int) -> _Moments:
        """Moments of both (Chan, Golub and LeVeque 1983)."""
        present = self.present + other.present
        shift = other.mean - self.mean
        share = other.present / np.maximum(present, 1)
        values = tuple(
            np.union1d(a, b)[: discrete_threshold + 1]
            for a, b in zip(self.values, other.values, strict=True)
        )
        return _Moments(
            self.rows + other.rows,
            present,
            np.minimum(self.minimum, other.minimum),
            np.maximum(self.maximum, other.maximum),
            self.mean + shift * share,
            self.squares + other.squares + shift**2 * self.present * share,
            values,
        )

    def scaling(self, discrete_threshold: int) -> Scaling:
        if not self.present.any():
            raise DataError("every value of every sample is missing (NaN): check the features")
        categorical = np.array([v.size <= discrete_threshold for v in self.values])
        deviation = np.sqrt(self.squares / np.maximum(self.present, 1))
        with np.errstate(invalid="ignore"):  # inf - inf where a feature has no value
            span = self.maximum - self.minimum
        return Scaling(
            np.where(categorical, 0.0, self.minimum),
            np.where(categorical, 1.0, span),
            np.where(categorical, 0.0, deviation),
            categorical,
            tuple(v for v, few in zip(self.values, categorical, strict=True) if few),
            bool((self.present < self.rows).any()),
        )


@dataclass(frozen=True)
class _Part:
    """A partition ready to be searched: rows ``first`` and on of all samples."""

    packed: Packed
    order: I64
    first: int
    scaling: Scaling

    @classmethod
    def of(cls, x: F64, number: I64, classes: int, first: int, scaling: Scaling) -> _Part:
        packed, order = pack(x, number, classes, scaling)
        return cls(packed, order, first, scaling)

    def candidates(self, queries: F64, rows: I64, k: int) -> _Candidates:
        """Offer the k nearest of each class; ``rows`` says which samples the queries are."""
        padding = np.minimum(np.arange(rows.size + -rows.size % 4), rows.size - 1)
        own = self._sorted(rows)[padding]
        scaled = normalised(queries[padding], self.scaling)
        found = nearest(self.packed, scaled, in_steps(scaled, self.scaling), own, k)
        position = found.position[: rows.size]
        distance = measured(self.packed, scaled, found)[: rows.size]
        row = np.where(position >= 0, self.order[position] + self.first, -1)
        return _Candidates(distance, row).sorted(k)

    def sums(self, queries: F64, row: I64) -> tuple[F64, F64]:
        """Sum differences to those of the neighbours ``row`` (query, class, k) that lie here."""
        position = self._sorted(row)
        last = np.argsort(position < 0, axis=-1, kind="stable")
        position = np.take_along_axis(position, last, axis=-1)
        found = (position >= 0).sum(axis=-1)
        return differences(self.packed, self.scaling.plain, queries, position, found)

    def _sorted(self, rows: I64) -> I64:
        """Positions among the sorted samples of this partition, -1 for rows of others."""
        position = np.empty_like(self.order)
        position[self.order] = np.arange(self.order.size)
        here = (rows >= self.first) & (rows < self.first + self.order.size)
        return np.where(here, position[np.where(here, rows - self.first, 0)], -1)


@dataclass(frozen=True)
class _Candidates:
    """Offered neighbours (query, class, k), nearest first; infinity and -1 where there is none."""

    distance: F64
    row: I64

    def sorted(self, k: int) -> _Candidates:
        """Keep the k nearest; of equally near ones those that came first."""
        best = np.argsort(self.distance, axis=-1, kind="stable")[..., :k]
        return _Candidates(
            np.take_along_axis(self.distance, best, axis=-1),
            np.take_along_axis(self.row, best, axis=-1),
        )

    def merged(self, later: _Candidates) -> _Candidates:
        """Keep the nearest of both; ``later`` comes from rows after these."""
        both = _Candidates(
            np.concatenate([self.distance, later.distance], axis=-1),
            np.concatenate([self.row, later.row], axis=-1),
        )
        return both.sorted(self.distance.shape[-1])


def _added(a: tuple[F64, F64], b: tuple[F64, F64]) -> tuple[F64, F64]:
    return a[0] + b[0], a[1] + b[1]


def _tally(sums: tuple[F64, F64], near: _Candidates, number: I64, weights: Weights) -> Tally:
    hits = near.row[np.arange(number.size), number]
    short = np.asarray((hits < 0).any(axis=-1))
    added = contributions(sums[0], sums[1], short, number, weights)
    return Tally.of(added, number, near.row.shape[1])


def _tree(items: list[Delayed], join: Callable[[Any, Any], Any]) -> Delayed:
    """Join neighbours pairwise, in order, until one is left."""
    joined = delayed(join)
    while len(items) > 1:
        pairs = [items[i : i + 2] for i in range(0, len(items), 2)]
        items = [joined(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return items[0]


def _blocks(x: da.Array | Sequence[Delayed]) -> list[Delayed]:
    if isinstance(x, da.Array):
        if x.ndim != 2:
            raise DataError(f"samples have shape {x.shape}: give (samples, features)")
        return list(x.rechunk({1: -1}).to_delayed(optimize_graph=True).ravel())
    return list(x)


def _gather(client: Client, items: list[Delayed]) -> list[Any]:
    return list(client.gather(client.compute(items)))


def relieff_dask(
    x: da.Array | Sequence[Delayed],
    y: npt.ArrayLike | da.Array,
    client: Client,
    *,
    neighbours: int = 100,
    weighting: Weighting = "skrebate",
    discrete_threshold: int = 10,
    queries: int | None = None,
    seed: int = 0,
) -> ReliefScores:
    """Score features by Relief-F with the samples spread over a Dask cluster.

    Parameters
    ----------
    x : (n, p) dask array, or delayed (n_i, p) arrays in order
        Samples; NaN where a value is missing. The cluster holds them twice, as float64.
    y : (n,) array
        Class of each sample; fetched whole.
    client : distributed.Client
        The cluster.
    neighbours, weighting, discrete_threshold, queries, seed
        As `minecover.selection.relieff.relieff`, the same queries being drawn.

    Returns
    -------
    ReliefScores
        As ``relieff(x, y, ties="index", ...)``, but for the rounding of sums (1e-12).

    Raises
    ------
    DataError, SurveyError
        As `minecover.selection.relieff.relieff`.
    """
    check_arguments(neighbours, discrete_threshold, queries)
    labels = np.asarray(client.compute(y).result() if isinstance(y, da.Array) else y)
    blocks = client.persist([delayed(finite_or_missing)(b) for b in _blocks(x)])
    moments = _gather(client, [delayed(_Moments.of)(b, discrete_threshold) for b in blocks])
    blocks = [b for b, m in zip(blocks, moments, strict=True) if m.rows]
    moments = [m for m in moments if m.rows]
    starts = np.cumsum([0] + [m.rows for m in moments])
    if labels.ndim != 1 or labels.size != starts[-1]:
        raise DataError(f"{starts[-1]} samples but labels of shape {labels.shape}: give one each")
    classes, number = encode(labels)
    whole = reduce(lambda a, b: a.merged(b, discrete_threshold), moments)
    scaling = whole.scaling(discrete_threshold)
    parts = client.persist(
        [
            delayed(_Part.of)(b, number[s:e], classes.size, int(s), scaling)
            for b, s, e in zip(blocks, starts[:-1], starts[1:], strict=True)
        ]
    )
    sizes = np.bincount(number)
    weights = Weights(1.0 / scaling.span, sizes / sizes.sum(), weighting == "kononenko")
    rows = draw(number, classes.size, queries, seed)
    values = _rows_of(client, blocks, starts, rows)
    tallies = [
        _batch(client, parts, values[i : i + _BATCH], rows[i : i + _BATCH], number, weights,
               neighbours)
        for i in range(0, rows.size, _BATCH)
    ]  # fmt: skip
    return reduce(Tally.__add__, tallies).scores(sizes)


def _rows_of(client: Client, blocks: list[Delayed], starts: I64, rows: I64) -> F64:
    """Fetch the samples at ``rows``, which ascend."""
    parts = [
        delayed(np.take)(b, rows[(rows >= s) & (rows < e)] - s, axis=0)
        for b, s, e in zip(blocks, starts[:-1], starts[1:], strict=True)
    ]
    return np.concatenate(_gather(client, parts))


def _batch(
    client: Client,
    parts: list[Delayed],
    values: F64,
    rows: I64,
    number: I64,
    weights: Weights,
    k: int,
) -> Tally:
    """Search, merge and sum for some queries; the driver sees their tally only."""
    queries = delayed(values, pure=False)
    offered = [part.candidates(queries, rows, k) for part in parts]
    near = _tree(offered, _Candidates.merged)
    summed = [part.sums(queries, near.row) for part in parts]
    tally = delayed(_tally)(_tree(summed, _added), near, number[rows], weights)
    result: Tally = client.compute(tally).result()
    return result
