"""Border noise: near-zero power along the edges of radar images.

The edges of Sentinel-1 GRD images processed before March 2018 hold small numbers instead of nodata
(Ali et al. 2018, doi:10.1109/JSTARS.2017.2787650), which terrain correction carries into other
products. They are no backscatter, and pull the mean of a season down wherever an edge lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.arrays import BoolArray, Float32Array
from minecover.engines.compiled import compiled

__all__ = ["BorderNoise"]


@dataclass(frozen=True)
class BorderNoise:
    """Masks a strip from the edge of an image to the innermost pixel of near-zero power.

    An edge is where nodata begins, or the raster ends. Along every row and column through it, all
    pixels up to the innermost one fainter than `faintest` are masked, no more than `reach` from
    the edge. Faint pixels elsewhere, as calm water in the middle of an image, stay.

    Attributes
    ----------
    reach
        Pixels from the edge at most; 0: nothing is masked.
    faintest
        Linear power below which a pixel is no backscatter.
    """

    reach: int
    faintest: float

    @property
    def halo(self) -> int:
        """Pixels needed on every side of the output."""
        return self.reach

    def __call__(self, power: Float32Array) -> Float32Array:
        """Mask the border of images.

        Parameters
        ----------
        power
            (image, ny + 2 halo, nx + 2 halo) linear power, NaN where nodata and off the raster.

        Returns
        -------
        (image, ny, nx), NaN also where border noise was found.
        """
        if self.reach == 0:
            return power
        inner = slice(self.reach, power.shape[1] - self.reach)
        across = slice(self.reach, power.shape[2] - self.reach)
        out = power[:, inner, across].copy()
        for image, values in zip(power, out, strict=True):
            rows = _noise(np.ascontiguousarray(image), np.float32(self.faintest), self.reach)
            columns = _noise(np.ascontiguousarray(image.T), np.float32(self.faintest), self.reach)
            values[(rows | columns.T)[inner, across]] = np.nan
        return out


@compiled
def _noise(power: Float32Array, faintest: np.float32, reach: int) -> BoolArray:
    """Mark what lies between an edge and a faint pixel of the same row."""
    rows, columns = power.shape
    found = np.zeros((rows, columns), np.bool_)
    edge, faint = np.empty(columns, np.int64), np.empty(columns, np.int64)
    for y in range(rows):
        for forward in (True, False):
            # how far behind the last edge lies, and how far ahead the next faint pixel
            last, ahead = reach + 1, reach + 1
            for step in range(columns):
                x = step if forward else columns - 1 - step
                last = 0 if np.isnan(power[y, x]) else min(last + 1, reach + 1)
                edge[x] = last
            for step in range(columns):
                x = columns - 1 - step if forward else step
                ahead = 0 if power[y, x] < faintest else min(ahead + 1, reach + 1)
                faint[x] = ahead
            for x in range(columns):
                if edge[x] + faint[x] <= reach:
                    found[y, x] = True
    return found
