"""Figures of outlines beyond their area: how long, where, how probable, how doubtful."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import rasterio.features
import shapely
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterWindow
from rasterio.windows import transform as window_transform

from minecover.arrays import BoolArray, Float32Array
from minecover.geography.ground_area import Surface
from minecover.products.landuse import APPLICABILITY, PROBABILITY

__all__ = ["COLUMNS", "DOUBTFUL", "PatchFigures"]

DOUBTFUL = 0.6
"""Probability below which a pixel's class is called doubtful."""

ROWS = 512
"""Of a patch that are read at once."""

COLUMNS = (
    "perimeter_m", "lon", "lat", "probability", "doubtful", "min_x", "min_y", "max_x", "max_y",
)  # fmt: skip


class PatchFigures:
    """Measures patches of one class on the published rasters.

    Parameters
    ----------
    paths
        Of the published rasters, by name.
    surface
        Measures on their grid.
    band
        Of the class in ``probability.tif``, from 1.
    threshold
        Dissimilarity beyond which a pixel is doubtful whatever its probability; None: no layer.
    """

    def __init__(
        self, paths: Mapping[str, Path], surface: Surface, band: int, threshold: float | None
    ) -> None:
        self._paths, self._surface, self._band = paths, surface, band
        self._threshold = threshold

    def table(self, polygons: Sequence[shapely.Polygon]) -> pd.DataFrame:
        """Measure polygons whose edges are those of pixels; a row each, `COLUMNS`.

        Their outline in metres on the ellipsoid; the longitude and latitude (WGS 84) of their
        centroid; the mean probability of their class (0-1); the share (0-1) of their pixels that
        are doubtful: of a probability below `DOUBTFUL`, or outside the area of applicability; and
        the corners of their box in the grid's CRS.
        """
        shapes = np.array(polygons, dtype=object)
        places = self._surface.degrees(shapely.get_coordinates(shapely.centroid(shapes)))
        figures = np.array(list(self._probabilities(polygons))).reshape(-1, 2)
        columns = (
            self._surface.perimeters(shapes).round(1),
            *places.T.round(6),
            *figures.T.round(4),
            *shapely.bounds(shapes).reshape(-1, 4).T,
        )
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))

    def _probabilities(self, polygons: Sequence[shapely.Polygon]) -> Iterator[tuple[float, float]]:
        """Mean probability and share of doubtful pixels of each polygon."""
        with ExitStack() as stack:
            names = [PROBABILITY, *([APPLICABILITY] if self._threshold is not None else [])]
            files = [stack.enter_context(rasterio.open(self._paths[name])) for name in names]
            for polygon in polygons:
                yield self._of(polygon, files)

    def _of(self, polygon: shapely.Polygon, files: Sequence[DatasetReader]) -> tuple[float, float]:
        pixels, total, doubtful = 0, 0.0, 0
        for inside, values in _parts(polygon, files, self._band):
            probability = values[0][inside].astype(np.float64)
            doubt = probability < DOUBTFUL
            if self._threshold is not None:
                doubt |= values[1][inside] > self._threshold
            pixels += probability.size
            total += float(probability.sum())
            doubtful += int(doubt.sum())
        return total / pixels, doubtful / pixels


def _parts(
    polygon: shapely.Polygon, files: Sequence[DatasetReader], band: int
) -> Iterator[tuple[BoolArray, list[Float32Array]]]:
    """Pixels of a polygon in parts of some rows: which are inside, and their values."""
    first = files[0]
    left, bottom, right, top = polygon.bounds
    corners = [~first.transform @ corner for corner in ((left, top), (right, bottom))]
    (x0, y0), (x1, y1) = ((round(x), round(y)) for x, y in corners)
    for y in range(y0, y1, ROWS):
        height = min(ROWS, y1 - y)
        window = RasterWindow(x0, y, x1 - x0, height)
        inside = rasterio.features.geometry_mask(
            [polygon],
            (height, x1 - x0),
            window_transform(window, first.transform),
            invert=True,
        )
        numbers = [band, *(1 for _ in files[1:])]
        yield (
            inside,
            [file.read(number, window=window) for file, number in zip(files, numbers, strict=True)],
        )
