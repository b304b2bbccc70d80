"""Block size from the data: how far two points still resemble each other.

The range of the semivariogram of the features is the distance beyond which ground is as different
as it gets; blocks of that size make the folds nearly independent (Roberts et al. 2017, Ecography
40, 913-929, 10.1111/ecog.02881).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from scipy.spatial.distance import pdist

__all__ = ["Variogram", "suggest_block", "variogram"]

FloatArray = npt.NDArray[np.float64]

LAGS = 15
"""Distance classes of the empirical semivariogram."""

MAX_POINTS = 2000
"""Points that pairs are made of; more are drawn from."""

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

    lag: FloatArray
    semivariance: FloatArray
    pairs: npt.NDArray[np.int64]
    nugget: float
    sill: float
    range: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON wants it."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }


def suggest_block(
    values: npt.NDArray[np.float32],
    x: FloatArray,
    y: FloatArray,
    *,
    resolution: float,
    window: int,
    seed: int = 0,
) -> tuple[float, Variogram]:
    """Suggest the edge of a spatial block: the range, never below the patch.

    Parameters
    ----------
    values
        (n, layers) features of the points, NaN where nodata.
    x, y
        (n,) coordinates in metres.
    resolution
        Of a pixel, in metres.
    window
        Edge of a patch in pixels.
    seed
        Of the draw, where there are more than `MAX_POINTS` points.

    Returns
    -------
    Metres, rounded up to whole pixels; and the semivariogram of the features' first principal
    component that it was read from.
    """
    fitted = variogram(_first_component(values), x, y, seed=seed)
    pixels = max(int(np.ceil(fitted.range / resolution)), window)
    return pixels * resolution, fitted


def variogram(values: FloatArray, x: FloatArray, y: FloatArray, *, seed: int = 0) -> Variogram:
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
    ValueError
        Fewer than 10 points, or all at one place.
    """
    if len(values) < 10:
        raise ValueError(f"{len(values)} points are too few for a semivariogram")
    if len(values) > MAX_POINTS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(values), MAX_POINTS, replace=False))
        values, x, y = values[chosen], x[chosen], y[chosen]
    distance = pdist(np.column_stack([x, y]))
    squared = pdist(values[:, None], "sqeuclidean")
    reach = distance.max() / 2
    if reach == 0:
        raise ValueError("all points lie at one place: no semivariogram")
    near = distance <= reach
    bins = np.minimum((distance[near] / reach * LAGS).astype(np.int64), LAGS - 1)
    pairs = np.bincount(bins, minlength=LAGS)
    held = pairs > 0
    lag = np.bincount(bins, weights=distance[near], minlength=LAGS)[held] / pairs[held]
    semivariance = np.bincount(bins, weights=squared[near], minlength=LAGS)[held] / 2 / pairs[held]
    return Variogram(lag, semivariance, pairs[held], *_fit(lag, semivariance, pairs[held]))


def _first_component(values: npt.NDArray[np.float32]) -> FloatArray:
    table = values.astype(np.float64)
    table = table[:, np.isfinite(table).any(axis=0)]
    mean = np.nanmean(table, axis=0)
    table = np.where(np.isfinite(table), table, mean) - mean
    spread = table.std(axis=0)
    table = table[:, spread > 0] / spread[spread > 0]
    if table.shape[1] == 0:
        raise ValueError("no layer varies between the points: no semivariogram")
    left, singular, _ = np.linalg.svd(table, full_matrices=False)
    return np.asarray(left[:, 0] * singular[0])


def _fit(
    lag: FloatArray, semivariance: FloatArray, pairs: npt.NDArray[np.int64]
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
