"""Functions of a place on a grid as polynomials, for programs without a projection library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyproj
import shapely

from minecover.arrays import Float64Array
from minecover.geography.boundary import HALF_ROUND, WGS84
from minecover.geography.grid import Grid
from minecover.geography.ground_area import Surface

__all__ = ["grid_polynomials"]

DEGREE = 7
"""Highest power along each axis: 1e-8 degrees on grids of 600 km."""


def grid_polynomials(grid: Grid) -> dict[str, Any]:
    """Fit longitude, latitude and hectares of a pixel over a grid.

    Returns
    -------
    `centre` and `half`, by which x and y are scaled to -1 to 1, and for each quantity a matrix of
    coefficients: the sum of c[i][j] T_i(u) T_j(v), with Chebyshev polynomials T. Longitude is
    continuous, so it may leave -180 to 180.
    """
    left, bottom, right, top = grid.geobox.boundingbox
    centre = np.array([(left + right) / 2, (bottom + top) / 2])
    half = np.array([(right - left) / 2, (top - bottom) / 2])
    at = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
    nodes = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2)
    places = centre + nodes * half
    transformer = pyproj.Transformer.from_crs(grid.crs, WGS84, always_xy=True)
    middle, _ = transformer.transform(*centre)
    longitude, latitude = (np.asarray(part) for part in transformer.transform(*places.T))
    longitude = (longitude - middle + HALF_ROUND) % (2 * HALF_ROUND) - HALF_ROUND + middle
    return {
        "centre": centre.tolist(),
        "half": half.tolist(),
        "longitude": _coefficients(longitude),
        "latitude": _coefficients(latitude),
        "hectares": _coefficients(_pixel_hectares(grid, places)),
    }


def _pixel_hectares(grid: Grid, places: Float64Array) -> Float64Array:
    """Hectares of a pixel at places, measured on squares of a hundred pixels' edge."""
    reach = 50 * grid.resolution
    (x, y), corners = places.T, np.array([-reach, reach])
    squares = shapely.box(x + corners[0], y + corners[0], x + corners[1], y + corners[1])
    return Surface(grid).hectares(squares) / 10_000


def _coefficients(values: Float64Array) -> list[list[float]]:
    """Coefficients of the polynomial through values at the roots, by sums that are exact."""
    count = DEGREE + 1
    table = [
        [math.cos(math.pi * power * (node + 0.5) / count) for node in range(count)]
        for power in range(count)
    ]
    sampled = values.reshape(count, count).tolist()

    def one(i: int, j: int) -> float:
        weight = (1 if i == 0 else 2) * (1 if j == 0 else 2) / count**2
        products = (
            sampled[m][n] * table[i][m] * table[j][n] for m in range(count) for n in range(count)
        )
        return round(weight * math.fsum(products), 12)

    return [[one(i, j) for j in range(count)] for i in range(count)]
