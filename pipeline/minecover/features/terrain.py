"""Slope and aspect of a digital elevation model.

Horn 1981, Proceedings of the IEEE 69(1), 14-47: gradients are weighted differences over the 3 x 3
neighbourhood. Row 0 of an array is its northern edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.compiled import check_threads, compiled, in_strips, read_only
from minecover.errors import SurveyError
from minecover.features.kernel import check_layers

__all__ = ["FLAT_ASPECT", "Terrain"]

FLAT_ASPECT = -1.0
"""Aspect of a flat neighbourhood, which faces nowhere; all others are in [0, 360)."""

_DEGREES = 180.0 / math.pi


@dataclass(frozen=True)
class Terrain:
    """Slope and aspect in degrees from elevation in metres.

    Slope is 0-90 (0 is level). Aspect is the direction the ground falls to, clockwise from north,
    0 <= aspect < 360, and `FLAT_ASPECT` where both gradients are zero. Both are NaN where any of
    the nine elevations is NaN.

    Parameters
    ----------
    resolution
        Size of a pixel in metres, east-west and north-south.
    threads
        Threads of one call; no part of the configuration.

    Raises
    ------
    SurveyError
        If a resolution is not a positive finite number.
    """

    resolution: tuple[float, float] = (10.0, 10.0)
    threads: int = field(default=1, compare=False)

    name = "terrain"
    inputs = ("elevation",)
    outputs = ("slope", "aspect")
    units = ("degree", "degree")
    halo = 1

    def __post_init__(self) -> None:
        if len(self.resolution) != 2 or not all(0 < r < math.inf for r in self.resolution):
            raise SurveyError(
                f"terrain: resolution is {self.resolution}; give two positive sizes in metres"
            )
        check_threads(self.name, self.threads)

    def __call__(self, layers: Float32Array) -> Float32Array:
        """Compute slope and aspect: ``(1, ny + 2, nx + 2)`` metres in, ``(2, ny, nx)`` out.

        Raises
        ------
        DataError
            If `layers` is not float32 of that shape.
        """
        ny, nx = check_layers(self, layers)
        out = np.empty((2, ny, nx), np.float32)
        elevation = read_only(layers)

        def strip(start: int, stop: int) -> None:
            _rows(elevation, out, 8.0 * self.resolution[0], 8.0 * self.resolution[1], start, stop)

        in_strips(ny, self.threads, strip)
        return out


@compiled
def _rows(
    layers: Float32Array, out: Float32Array, run_x: float, run_y: float, start: int, stop: int
) -> None:
    nx = out.shape[2]
    above, here, below = np.empty(nx + 2), np.empty(nx + 2), np.empty(nx + 2)
    for y in range(start, stop):
        for x in range(nx + 2):
            above[x] = layers[0, y, x]
            here[x] = layers[0, y + 1, x]
            below[x] = layers[0, y + 2, x]
        for x in range(nx):
            east = above[x + 2] + 2.0 * here[x + 2] + below[x + 2]
            west = above[x] + 2.0 * here[x] + below[x]
            south = below[x] + 2.0 * below[x + 1] + below[x + 2]
            north = above[x] + 2.0 * above[x + 1] + above[x + 2]
            # The centre does not enter the differences, yet without it there is no ground.
            dx = (east - west) / run_x + 0.0 * here[x + 1]
            dy = (south - north) / run_y
            out[0, y, x] = math.atan(math.sqrt(dx * dx + dy * dy)) * _DEGREES
            out[1, y, x] = _aspect(dx, dy)


@compiled
def _aspect(dx: float, dy: float) -> np.float32:
    # The ground falls along (-dx east, +dy north): clockwise from north is atan2(east, north).
    if dx == 0.0 and dy == 0.0:
        return np.float32(FLAT_ASPECT)
    # Adding zero turns the -0 of a gradient due north into 0.
    angle = np.float32(math.atan2(0.0 - dx, dy) * _DEGREES) + np.float32(0.0)
    if angle < 0.0:
        angle += np.float32(360.0)
    return np.float32(0.0) if angle >= np.float32(360.0) else angle
