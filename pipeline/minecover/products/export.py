"""Layers of any raster as COGs, each with its names, units, statistics and a QGIS style beside it.

Files are written in one pass over blocks of the grid, so that memory does not grow with the area.
A file appears when it is whole and valid, after its style.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import numpy.typing as npt
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter

from minecover.arrays import BoolArray
from minecover.errors import StoreError
from minecover.geography.grid import Grid, Window
from minecover.products.cog import CogWriter, Raster, writing_cogs
from minecover.products.landuse import class_codes, describe_classes
from minecover.products.raster_style import class_style, colour_style, ramp_style, write_xml
from minecover.products.statistics import Statistics
from minecover.samples.classes import LandUseClass
from minecover.storage.store import Store

__all__ = ["BLOCK_BYTES", "Band", "ExportFile", "Read", "write_files"]

BLOCK_BYTES = 32 * 2**20
"""Pixels that are read at once, of all files of a pass."""

Pixels = npt.NDArray[Any]

Read = Callable[[Window, Sequence[str]], Pixels]
"""Reads a window of named layers, (layer, y, x)."""


@dataclass(frozen=True)
class Band:
    """One band of a file.

    Attributes
    ----------
    name
        Under which the layer is read; the band's description.
    unit
        Of the values; ``"1"`` for a pure number.
    title
        What it holds.
    """

    name: str
    unit: str = "1"
    title: str = ""


@dataclass(frozen=True)
class ExportFile:
    """One file to be written.

    Attributes
    ----------
    name, ending
        Of the file.
    bands
        In order.
    dtype, nodata
        Of the pixels; None: nothing stands for no data.
    classes
        Those whose codes it holds, in one band; none: it holds quantities.
    colours
        Numbers of the bands that are shown as red, green and blue; None: band 1 is shown.
    tags
        Metadata of the file.
    """

    name: str
    bands: tuple[Band, ...]
    dtype: str = "float32"
    nodata: float | None = float("nan")
    classes: tuple[LandUseClass, ...] = ()
    colours: tuple[int, int, int] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    ending: str = ".tif"

    def raster(self, path: Path) -> Raster:
        """Say how it is written."""
        if self.classes:
            return Raster.of_codes(path, self._describe)
        return Raster(path, len(self.bands), self._describe, self.dtype, self.nodata)

    def pixels(self, values: Pixels, inside: BoolArray) -> Pixels:
        """Give what is written of a block, (band, y, x); nodata outside the area."""
        if self.classes:
            return class_codes(values, inside, self.classes, self.name)
        if inside.all():
            return values
        return np.where(inside, values, values.dtype.type(self.nodata))

    def style(self, statistics: Statistics) -> Element:
        """Choose a style for the values that were written."""
        if self.classes:
            return class_style(self.classes)
        if self.colours is not None:
            return colour_style(self.colours, *statistics.range(self.colours))
        return ramp_style(*statistics.range((1,)), self.bands[0].unit)

    def _describe(self, dataset: DatasetWriter) -> None:
        dataset.update_tags(**self.tags)
        if self.classes:
            describe_classes(dataset, self.classes)
        for number, band in enumerate(self.bands, start=1):
            dataset.set_band_description(number, band.name)
            if band.unit != "1":
                dataset.set_band_unit(number, band.unit)
            if band.title:
                dataset.update_tags(number, LONG_NAME=band.title)


def write_files(files: Sequence[ExportFile], grid: Grid, read: Read, folder: Path) -> list[Path]:
    """Write files in one pass over the blocks of a grid, and a style of each.

    Parameters
    ----------
    files
        All of whose bands are read together.
    grid
        Of the files; its tiles are the blocks in which pixels are read. Pixels that are not in
        its area are nodata.
    read
        Reads the layers that the bands name.
    folder
        Made where there is none. Files of the same names are replaced.

    Returns
    -------
    Paths of the GeoTIFFs.

    Raises
    ------
    StoreError
        A file cannot be written, or is not on the disk as it was written.
    DataError
        A file of codes holds one of no class.
    """
    store = Store(str(folder))
    with ExitStack() as stack:
        # what is lent last appears first: styles before their files
        paths = [
            stack.enter_context(store.writing_file(f"{file.name}{file.ending}")) for file in files
        ]
        styles = [stack.enter_context(store.writing_file(f"{file.name}.qml")) for file in files]
        rasters = [file.raster(path) for file, path in zip(files, paths, strict=True)]
        with _explained(folder):
            with writing_cogs(grid, rasters) as writers:
                measured = _write_blocks(files, grid, read, writers)
            for file, statistics, style in zip(files, measured, styles, strict=True):
                write_xml(style, file.style(statistics))
    written = [folder / f"{file.name}{file.ending}" for file in files]
    for path in written:
        # statistics that GDAL or QGIS kept of a file that was there before
        path.with_name(f"{path.name}.aux.xml").unlink(missing_ok=True)
    return written


def _write_blocks(
    files: Sequence[ExportFile], grid: Grid, read: Read, writers: Sequence[CogWriter]
) -> list[Statistics]:
    measured = [Statistics(len(file.bands), grid.shape) for file in files]
    names = [band.name for file in files for band in file.bands]
    for tile in grid.tiles:
        window = grid.window(tile)
        values, inside, first = read(window, names), grid.area_mask(window), 0
        for file, writer, statistics in zip(files, writers, measured, strict=True):
            own = values[first : first + len(file.bands)]
            first += len(file.bands)
            pixels = file.pixels(own, inside)
            statistics.add(pixels, writer.raster.nodata)
            writer.write(window, pixels)
    for file, writer, statistics in zip(files, writers, measured, strict=True):
        if not file.classes:
            statistics.describe(writer.dataset)
    return measured


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say how much space is left where a file cannot be written."""
    try:
        yield
    except (OSError, RasterioError) as error:
        free = shutil.disk_usage(folder).free / 1e6
        raise StoreError(
            f"{folder}: cannot be written: {error.__cause__ or error} ({free:,.0f} MB are free on "
            "that disk); make room or give another folder"
        ) from error
