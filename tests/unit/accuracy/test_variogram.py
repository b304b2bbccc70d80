"""The semivariogram finds how far values resemble each other, and blocks fit the points."""

import numpy as np
import pandas as pd
import pytest

from minecover.accuracy.blocks import fitting_edge, spatial_folds
from minecover.accuracy.variogram import feature_variogram, variogram
from minecover.arrays import Float64Array
from minecover.errors import DataError


def simulated_field(reach: float, seed: int) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Gaussian field with a spherical covariance at 700 points of 10 km square."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 10_000, (2, 700))
    h = np.minimum(np.hypot(x[:, None] - x, y[:, None] - y) / reach, 1)
    covariance = 1 - 1.5 * h + 0.5 * h**3 + 0.05 * np.eye(700)
    return np.linalg.cholesky(covariance) @ rng.normal(size=700), x, y


@pytest.mark.parametrize("reach", [1000.0, 2000.0])
def test_range_of_a_simulated_field_is_found(reach: float) -> None:
    found = [variogram(*simulated_field(reach, seed)).range for seed in range(5)]
    assert np.median(found) == pytest.approx(reach, rel=0.35)


def test_range_of_layers_is_that_of_what_they_share() -> None:
    field, x, y = simulated_field(2000.0, 0)
    noise = np.random.default_rng(1).normal(0, 0.1, (700, 3))
    layers = (field[:, None] * [1.0, -2.0, 0.5] + noise).astype(np.float32)
    layers[3, 1] = np.nan
    layers = np.column_stack([layers, np.full(700, np.nan, np.float32)])
    assert feature_variogram(layers, x, y).range == pytest.approx(variogram(field, x, y).range, 0.2)


def test_no_semivariogram_of_what_does_not_vary() -> None:
    x = np.arange(20.0)
    with pytest.raises(DataError, match="no layer varies"):
        feature_variogram(np.ones((20, 2), np.float32), x, x)
    with pytest.raises(DataError, match="one place"):
        variogram(x, np.zeros(20), np.zeros(20))
    with pytest.raises(DataError, match="5 points are too few"):
        variogram(x[:5], x[:5], x[:5])


def test_blocks_shrink_until_every_group_has_enough_of_them() -> None:
    rng = np.random.default_rng(0)
    row, col = rng.integers(0, 400, (2, 300))
    frame = pd.DataFrame({"row": row, "col": col, "code": rng.integers(1, 4, 300)})
    west = (col < 100).astype(np.int64)
    edge = fitting_edge(frame, west, 300, least=9, blocks=10)
    assert 30 < edge < 100
    for group in (0, 1):
        folds = spatial_folds(frame[west == group], edge=edge, folds=5, seed=0)
        assert len(np.unique(folds.block)) >= 10
        assert set(folds.fold) == set(range(5))
    assert fitting_edge(frame, west, 20, least=9, blocks=10) == 20
    assert fitting_edge(frame, west, 300, least=9, blocks=10_000) == 9
