"""A raster of class codes, read on the grid of a survey in the survey's classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio import DatasetReader
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterWindow

from minecover.arrays import Int64Array
from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid, Window
from minecover.samples.map_pixels import UNKNOWN
from minecover.sources.gdal import gdal_env, open_raster
from minecover.storage.s3 import AMAZON

__all__ = ["ClassMap", "crosswalk_of"]

TOLERANCE = 0.001
"""Pixels by which the place that a code is taken from may be off."""

ReadCodes = Callable[[Window], Int64Array]


def crosswalk_of(text: str, classes: Mapping[str, int]) -> dict[int, int]:
    """Understand which code of a map is which class.

    Parameters
    ----------
    text
        As 10=forest,50=built_up; several codes may be of one class.
    classes
        Name to code of the survey's.

    Returns
    -------
    Code of the map to code of the survey.

    Raises
    ------
    SurveyError
        It cannot be understood, or names no class of the survey.
    """
    out = dict[int, int]()
    for part in text.split(","):
        code, equals, name = (piece.strip() for piece in part.partition("="))
        if not equals or not code.isdecimal() or name not in classes or int(code) in out:
            raise SurveyError(
                f"--classes: {part.strip()!r}: give each code of the map once, with the class that "
                f"it is, as 10={next(iter(classes))}; the classes are {', '.join(classes)}"
            )
        out[int(code)] = classes[name]
    return out


@dataclass(frozen=True, eq=False)
class ClassMap:
    """A map, as one that others made years ago.

    Attributes
    ----------
    path
        What GDAL reads.
    crosswalk
        Code of the map to code of the survey.
    grid
        On which it is read.
    band
        Of the raster, counted from 1.
    """

    path: Path
    crosswalk: Mapping[int, int]
    grid: Grid
    band: int = 1

    @property
    def classes(self) -> frozenset[int]:
        """Codes of the survey that it may have."""
        return frozenset(self.crosswalk.values())

    def bands(self) -> int:
        """Count the bands of the raster.

        Raises
        ------
        DataError
            It is no raster, or has no CRS.
        """
        with self._raster() as raster:
            return int(raster.count)

    @contextmanager
    def opened(self) -> Iterator[ReadCodes]:
        """Give what reads windows of the grid in the survey's classes.

        Raises
        ------
        DataError
            It is no raster, or has no CRS.
        """
        height, width = self.grid.shape
        with self._raster() as raster, WarpedVRT(
            raster, crs=self.grid.crs, transform=self.grid.geobox.affine, width=width,
            height=height, resampling=Resampling.nearest, tolerance=TOLERANCE,
            add_alpha=raster.nodata is None,
        ) as warped:  # fmt: skip
            yield lambda window: self._read(warped, window)

    @contextmanager
    def _raster(self) -> Iterator[DatasetReader]:
        try:
            with gdal_env(AMAZON, str(self.path)), open_raster(str(self.path), own=True) as raster:
                if raster.crs is None:
                    raise DataError(f"{self.path} has no CRS; save it with one (gdal_edit.py)")
                yield raster
        except RasterioError as error:
            raise DataError(f"{self.path}: cannot read it as a raster: {error}") from error

    def at(self, read: ReadCodes, rows: Int64Array, columns: Int64Array) -> Int64Array:
        """Classes of pixels, one by one."""
        found = [read(Window(y, y + 1, x, x + 1))[0, 0] for y, x in zip(rows, columns, strict=True)]
        return np.array(found, dtype=np.int64)

    def _read(self, warped: WarpedVRT, window: Window) -> Int64Array:
        place = RasterWindow(window.x0, window.y0, *window.shape[::-1])
        codes = warped.read(self.band, window=place).astype(np.int64)
        codes[warped.dataset_mask(window=place) == 0] = UNKNOWN
        out = np.full(codes.shape, UNKNOWN, np.int64)
        for code, known in self.crosswalk.items():
            out[codes == code] = known
        return out
