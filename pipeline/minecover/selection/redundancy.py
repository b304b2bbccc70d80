"""Features that say the same: pairs whose correlation is 1 or -1 but for rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.arrays import Float64Array, Int64Array

__all__ = ["RedundantPair", "correlation", "ranks_of", "redundant_pairs", "without_redundant"]


@dataclass(frozen=True)
class RedundantPair:
    """Two features of which one would do, such as LSWI and NDBI, its negative.

    Attributes
    ----------
    better, worse
        Names, the higher ranked first.
    pearson, spearman
        Correlation of values and of ranks, -1 to 1.
    """

    better: str
    worse: str
    pearson: float
    spearman: float


def correlation(x: Float64Array) -> Float64Array:
    """Pearson correlation (p, p) of the columns of ``x`` (n, p) over rows where both have values.

    NaN where a pair shares fewer than two rows or one of the two does not vary on them.
    """
    present = ~np.isnan(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.where(present, x, 0.0).sum(axis=0) / present.sum(axis=0)
        spread = np.sqrt((np.where(present, x - centre, 0.0) ** 2).sum(axis=0))
        z = np.where(present, (x - centre) / spread, 0.0)  # of order 1, so that sums do not cancel
    z = np.where(np.isfinite(z), z, 0.0)
    m = present.astype(np.float64)
    n, total, squares = m.T @ m, z.T @ m, (z**2).T @ m
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = z.T @ z - total * total.T / n
        variance = squares - total**2 / n
        r: Float64Array = covariance / np.sqrt(variance * variance.T)
    r[(n < 2) | (np.minimum(variance, variance.T) <= 1e-12 * n / x.shape[0])] = np.nan
    return np.clip(r, -1.0, 1.0)


def ranks_of(x: Float64Array) -> Float64Array:
    """Rank each column of ``x`` among its own values, ties averaged, NaN kept."""
    from scipy.stats import rankdata  # takes half a second to import

    ranks: Float64Array = np.asarray(rankdata(x, axis=0, nan_policy="omit"), dtype=np.float64)
    return ranks


def redundant_pairs(
    x: Float64Array, names: tuple[str, ...], rank: Int64Array, threshold: float = 0.999
) -> tuple[RedundantPair, ...]:
    """Pairs of features whose absolute correlation, of values or of ranks, exceeds ``threshold``.

    Parameters
    ----------
    x
        (n, p) samples; correlations are over the samples that have both features.
    names
        Of the p features.
    rank
        (p,) 1 for the best feature: decides which of a pair is the better one.
    threshold
        0 to 1.

    Returns
    -------
    tuple of RedundantPair
        By the rank of the better one, then of the worse one.
    """
    pearson, spearman = correlation(x), correlation(ranks_of(x))
    strongest = np.fmax(np.abs(pearson), np.abs(spearman))
    order = np.argsort(rank)
    return tuple(
        RedundantPair(names[i], names[j], float(pearson[i, j]), float(spearman[i, j]))
        for at, i in enumerate(order)
        for j in order[at + 1 :]
        if strongest[i, j] > threshold
    )


def without_redundant(
    order: Int64Array, names: tuple[str, ...], pairs: tuple[RedundantPair, ...]
) -> list[int]:
    """Features in ``order`` (best first) less those redundant with one already kept."""
    partners: dict[str, set[str]] = {name: set() for name in names}
    for pair in pairs:
        partners[pair.better].add(pair.worse)
        partners[pair.worse].add(pair.better)
    kept: dict[str, int] = {}
    for i in order:
        if not partners[names[i]] & kept.keys():
            kept[names[i]] = int(i)
    return list(kept.values())
