"""Speckle filters of single radar images, in linear power.

Both weigh a pixel against the mean of its window by how much more the window varies than speckle
alone does. With I the pixel, m and C the window's mean and coefficient of variation (standard
deviation over mean), and Cu = 1 / sqrt(looks) that of speckle:

- `lee` (Lee 1980, doi:10.1109/TPAMI.1980.4766994): m + W (I - m), W = 1 - Cu² / C², not below 0.
- `enhanced_lee` (Lopes et al. 1990, doi:10.1109/36.62623): m where C <= Cu; I where C is at least
  sqrt(1 + 2 / looks), as points and edges are; W m + (1 - W) I between them,
  W = exp(-(C - Cu) / (Cmax - C)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.compiled import compiled

__all__ = ["Filter", "Speckle"]

Filter = Literal["lee", "enhanced_lee"]


@dataclass(frozen=True)
class Speckle:
    """A speckle filter.

    Attributes
    ----------
    kind
        Formula.
    window
        Edge of the window in pixels, odd.
    looks
        Equivalent number of looks of the images: mean² / variance of power on even ground.
    """

    kind: Filter
    window: int
    looks: float

    @property
    def halo(self) -> int:
        """Pixels needed on every side of the output."""
        return self.window // 2

    def __call__(self, power: Float32Array) -> Float32Array:
        """Filter images.

        Parameters
        ----------
        power
            (image, ny + 2 halo, nx + 2 halo) linear power, NaN where nodata and off the raster.

        Returns
        -------
        (image, ny, nx) float32, NaN where the pixel itself was; windows take what is valid in them.
        """
        count, height, width = power.shape
        out = np.empty((count, height - 2 * self.halo, width - 2 * self.halo), np.float32)
        for image, values in zip(power, out, strict=True):
            enhanced = self.kind == "enhanced_lee"
            _filter(np.ascontiguousarray(image), values, self.window, self.looks, enhanced)
        return out


@compiled
def _filter(
    power: Float32Array, out: Float32Array, window: int, looks: float, enhanced: bool
) -> None:
    rows, columns = out.shape
    # sums over the columns of a window first, then over its rows: always in this order
    lines = np.zeros((3, power.shape[0], columns), np.float64)
    for y in range(power.shape[0]):
        for x in range(columns):
            for k in range(window):
                value = np.float64(power[y, x + k])
                if not np.isnan(value):
                    lines[0, y, x] += 1.0
                    lines[1, y, x] += value
                    lines[2, y, x] += value * value
    half = window // 2
    for y in range(rows):
        for x in range(columns):
            centre = np.float64(power[y + half, x + half])
            if np.isnan(centre):
                out[y, x] = np.nan
                continue
            count, total, squares = 0.0, 0.0, 0.0
            for k in range(window):
                count += lines[0, y + k, x]
                total += lines[1, y + k, x]
                squares += lines[2, y + k, x]
            mean = total / count
            spread = max(squares - total * mean, 0.0) / max(count - 1.0, 1.0)
            out[y, x] = mean + _weight(spread / (mean * mean), looks, enhanced) * (centre - mean)


@compiled
def _weight(variation: float, looks: float, enhanced: bool) -> float:
    """Weight of the pixel against the mean, by the squared coefficient of variation."""
    speckle = 1.0 / looks
    if variation <= speckle:
        return 0.0
    if not enhanced:
        return 1.0 - speckle / variation
    most = math.sqrt(1.0 + 2.0 / looks)
    own = math.sqrt(variation)
    if own >= most:
        return 1.0
    return 1.0 - math.exp(-(own - math.sqrt(speckle)) / (most - own))
