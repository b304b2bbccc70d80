"""Statistics of the bands of a raster that is written block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.io import DatasetWriter

__all__ = ["Statistics"]

SAMPLE = 100_000
"""Pixels of a band, about, from which quantiles are taken: in rows and columns at even steps."""

QUANTILES = (0.02, 0.98)
"""Ends of the range in which values are shown, as QGIS does it by default."""


class Statistics:
    """Count, extremes, mean and spread of each band, and a sample of its values.

    Parameters
    ----------
    bands
        Their number.
    shape
        Rows and columns of the raster.
    """

    def __init__(self, bands: int, shape: tuple[int, int]) -> None:
        self.pixels = math.prod(shape)
        self._step = max(1, round(math.sqrt(self.pixels / SAMPLE)))
        self._count = np.zeros(bands, dtype=np.int64)
        self._low, self._high = np.full(bands, np.inf), np.full(bands, -np.inf)
        self._sum, self._squares = np.zeros(bands), np.zeros(bands)
        self._sample: list[list[npt.NDArray[Any]]] = [[] for _ in range(bands)]

    def add(self, values: npt.NDArray[Any], nodata: float | None) -> None:
        """Take a block into account, (band, y, x)."""
        for band, layer in enumerate(values):
            valid = np.isfinite(layer) if nodata is None else np.isfinite(layer) & (layer != nodata)
            found = layer[valid].astype(np.float64)
            if not found.size:
                continue
            self._count[band] += found.size
            self._low[band] = min(self._low[band], found.min())
            self._high[band] = max(self._high[band], found.max())
            self._sum[band] += found.sum()
            self._squares[band] += np.square(found).sum()
            every = (slice(None, None, self._step),) * 2
            self._sample[band].append(layer[every][valid[every]])

    def range(self, bands: Sequence[int]) -> tuple[float, float]:
        """Give the range that shows bands, counted from 1, well; 0 to 1 where there is no value."""
        places = [band - 1 for band in bands if self._count[band - 1]]
        if not places:
            return 0.0, 1.0
        values = np.concatenate([part.ravel() for place in places for part in self._sample[place]])
        if values.size:
            low, high = (float(value) for value in np.quantile(values.astype(float), QUANTILES))
        else:  # too few pixels have a value to be in the sample
            low, high = float(self._low[places].min()), float(self._high[places].max())
        return (low, high) if low < high else (low, low + 1.0)

    def describe(self, dataset: DatasetWriter) -> None:
        """Write the statistics into an open file, under the names that GDAL looks for."""
        for band in np.flatnonzero(self._count):
            count = self._count[band]
            mean = self._sum[band] / count
            variance = max(self._squares[band] / count - mean**2, 0.0)
            figures = {
                "MINIMUM": self._low[band],
                "MAXIMUM": self._high[band],
                "MEAN": mean,
                "STDDEV": math.sqrt(variance),
                "VALID_PERCENT": 100 * count / self.pixels,
            }
            tags = {f"STATISTICS_{name}": f"{value:.9g}" for name, value in figures.items()}
            dataset.update_tags(int(band) + 1, **tags)
