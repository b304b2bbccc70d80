"""Figures of outlines beyond their area: how long, where, how probable, how doubtful."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import rasterio.features
import shapely
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterWindow
from rasterio.windows import transform as window_transform

from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.geography.ground_area import Surface
from minecover.products.landuse import APPLICABILITY, PROBABILITY

__all__ = ["COLUMNS", "DOUBTFUL", "PatchFigures"]

DOUBTFUL = 0.6
"""Probability below which a pixel's class is called doubtful."""

ROWS = 256
"""Of the map that are read at once."""

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
        figures = self._probabilities(shapes)
        columns = (
            self._surface.perimeters(shapes).round(1),
            *places.T.round(6),
            *figures.T.round(4),
            *shapely.bounds(shapes).reshape(-1, 4).T,
        )
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))

    def _probabilities(self, shapes: npt.NDArray[np.object_]) -> Float64Array:
        """Mean probability and share of doubtful pixels of each polygon, (n, 2)."""
        pixels, total, doubtful = (np.zeros(len(shapes)) for _ in range(3))
        names = [PROBABILITY, *([APPLICABILITY] if self._threshold is not None else [])]
        with ExitStack() as stack:
            files = [stack.enter_context(rasterio.open(self._paths[name])) for name in names]
            for owner, values in _strips(shapes, files, self._band):
                doubt = values[0] < DOUBTFUL
                if self._threshold is not None:
                    doubt |= values[1] > self._threshold
                counted = (np.ones(len(owner)), values[0].astype(np.float64), doubt)
                for sums, weights in zip((pixels, total, doubtful), counted, strict=True):
                    sums += np.bincount(owner, weights=weights, minlength=len(shapes))
        return np.column_stack([total / pixels, doubtful / pixels])


def _strips(
    shapes: npt.NDArray[np.object_], files: Sequence[DatasetReader], band: int
) -> Iterator[tuple[Int64Array, list[Float32Array]]]:
    """Read the pixels of polygons strip by strip: which polygon each is of, and its values.

    Every block of a file is read once for all polygons, however many there are.
    """
    transform = files[0].transform
    left, bottom, right, top = shapely.bounds(shapes).T
    (x0, y0), (x1, y1) = (
        np.round(np.array(~transform @ corner)).astype(np.int64)
        for corner in ((left, top), (right, bottom))
    )
    numbers = [band, *(1 for _ in files[1:])]
    for y in range(int(y0.min()), int(y1.max()), ROWS):
        here = np.flatnonzero((y0 < y + ROWS) & (y1 > y))
        if not len(here):
            continue
        first, last = int(x0[here].min()), int(x1[here].max())
        window = RasterWindow(first, y, last - first, min(ROWS, int(y1.max()) - y))
        owner = rasterio.features.rasterize(
            zip(shapes[here], here + 1, strict=True),
            (window.height, window.width),
            transform=window_transform(window, transform),
            dtype=np.int32,
        )
        inside = owner > 0
        read = [
            file.read(number, window=window)[inside]
            for file, number in zip(files, numbers, strict=True)
        ]
        yield owner[inside].astype(np.int64) - 1, read
