"""Block size from the data: how far two points still resemble each other.

The range of the semivariogram of the features is the distance beyond which ground is as different
as it gets; blocks of that size make the folds nearly independent (Roberts et al. 2017, Ecography
40, 913-929, 10.1111/ecog.02881).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.spatial.distance import pdist

from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.errors import DataError

__all__ = ["Variogram", "feature_variogram", "variogram"]

LAGS = 15
"""Distance classes of the empirical semivariogram."""

MAX_POINTS = 2000
"""Points that pairs are made of; more are drawn from."""

FEWEST_POINTS = 10
"""With fewer of them there are not enough pairs."""

CANDIDATES = 60
"""Ranges tried when the model is fitted."""


@dataclass(frozen=True)
class Variogram:
    """An empirical semivariogram and the spherical model fitted to it.

    Attributes
    ----------
    lag
        (lag,) mean distance of the pairs, in metres.
    semivariance
        (lag,) half the mean squared difference.
    pairs
        (lag,) pairs of points.
    nugget, sill
        Of the model, at distance zero and beyond the range.
    range
        Distance at which the model reaches its sill, in metres.
    """

    lag: Float64Array
    semivariance: Float64Array
    pairs: Int64Array
    nugget: float
    sill: float
    range: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON wants it."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }


def feature_variogram(
    values: Float32Array, x: Float64Array, y: Float64Array, *, seed: int = 0
) -> Variogram:
    """Estimate the semivariogram of the first principal component of standardised features.

    Parameters
    ----------
    values
        (n, layers) features of the points, NaN where nodata, which counts as the layer's mean.
    x, y
        (n,) coordinates in metres.
    seed
        Of the draw, where there are more than `MAX_POINTS` points.

    Raises
    ------
    DataError
        No layer varies, or as `variogram`.
    """
    return variogram(_first_component(values), x, y, seed=seed)


def variogram(
    values: Float64Array, x: Float64Array, y: Float64Array, *, seed: int = 0
) -> Variogram:
    """Estimate the semivariogram (Matheron 1963) and fit a spherical model with a nugget.

    Distances up to half of the largest are used; the fit weights each lag by its pairs.

    Parameters
    ----------
    values
        (n,) the variable.
    x, y
        (n,) coordinates in metres.
    seed
        Of the draw, where there are more than `MAX_POINTS` points.

    Raises
    ------
    DataError
        Fewer than 10 points, or all at one place.
    """
    if len(values) < FEWEST_POINTS:
        raise DataError(
            f"samples.block: {len(values)} points are too few for a semivariogram; give a number "
            "of metres instead of auto"
        )
    if len(values) > MAX_POINTS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(values), MAX_POINTS, replace=False))
        values, x, y = values[chosen], x[chosen], y[chosen]
    distance = pdist(np.column_stack([x, y]))
    squared = pdist(values[:, None], "sqeuclidean")
    reach = distance.max() / 2
    if reach == 0:
        raise DataError(
            "samples.block: all points lie at one place, which gives no semivariogram; give a "
            "number of metres instead of auto"
        )
    near = distance <= reach
    bins = np.minimum((distance[near] / reach * LAGS).astype(np.int64), LAGS - 1)
    pairs = np.bincount(bins, minlength=LAGS)
    held = pairs > 0
    lag = np.bincount(bins, weights=distance[near], minlength=LAGS)[held] / pairs[held]
    semivariance = np.bincount(bins, weights=squared[near], minlength=LAGS)[held] / 2 / pairs[held]
    return Variogram(lag, semivariance, pairs[held], *_fit(lag, semivariance, pairs[held]))


def _first_component(values: Float32Array) -> Float64Array:
    table = values.astype(np.float64)
    table = table[:, np.isfinite(table).any(axis=0)]
    mean = np.nanmean(table, axis=0)
    table = np.where(np.isfinite(table), table, mean) - mean
    spread = table.std(axis=0)
    table = table[:, spread > 0] / spread[spread > 0]
    if table.shape[1] == 0:
        raise DataError(
            "samples.block: no layer varies between the points, which gives no semivariogram; "
            "give a number of metres instead of auto"
        )
    left, singular, _ = np.linalg.svd(table, full_matrices=False)
    return np.asarray(left[:, 0] * singular[0])


def _fit(
    lag: Float64Array, semivariance: Float64Array, pairs: Int64Array
) -> tuple[float, float, float]:
    """Nugget, sill and range with the least weighted squares."""
    weight = np.sqrt(pairs / pairs.sum())
    best, lowest = (0.0, 0.0, 0.0), np.inf
    for reach in np.linspace(lag[0], lag[-1], CANDIDATES):
        h = np.minimum(lag / reach, 1.0)
        model = np.column_stack([np.ones_like(h), 1.5 * h - 0.5 * h**3])
        (nugget, partial), residual = nnls(model * weight[:, None], semivariance * weight)
        if residual < lowest - 1e-12:
            best, lowest = (float(nugget), float(nugget + partial), float(reach)), residual
    return best
