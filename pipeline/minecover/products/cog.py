"""Cloud-optimized GeoTIFFs written tile by tile.

Tiles are streamed into plain tiled GeoTIFFs, which GDAL turns into COGs at the end, so memory does
not grow with the area, but for a row of blocks of the overviews: 0.75 kB for each column and band
(GDAL 3.10). Each COG is validated by rio-cogeo, and each of its tiles is read back and compared
with what was written.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import gcd
from pathlib import Path
from typing import Any

import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window as RasterWindow
from rio_cogeo.cogeo import cog_validate

from minecover.errors import StoreError
from minecover.geography.grid import Grid, Window

__all__ = ["MEDIA_TYPE", "CogWriter", "Raster", "writing_cogs"]

MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"

BLOCK = 256
"""Edge of the blocks of a published COG, in pixels."""

CACHE = 64
"""GDAL's block cache in MB; its default is a share of the machine, which hides what is needed."""


@dataclass(frozen=True)
class Raster:
    """A raster that is to be written.

    Attributes
    ----------
    path
        Where the COG goes.
    bands
        Their number.
    describe
        Writes names, units and metadata into the open file.
    dtype
        Of the pixels, as NumPy calls it.
    nodata
        What stands for no data; None: nothing does.
    codes
        Whether pixels are codes, of which overviews show the commonest, or quantities, of which
        they show the mean.
    level
        How hard GDAL tries to make it small, 1 to 9; None: 9 for codes, else 6.
    """

    path: Path
    bands: int
    describe: Callable[[DatasetWriter], None]
    dtype: str = "float32"
    nodata: float | None = float("nan")
    codes: bool = False
    level: int | None = None

    @classmethod
    def of_codes(cls, path: Path, describe: Callable[[DatasetWriter], None]) -> Raster:
        """One band of class codes, 1 to 255; 0 is nodata."""
        return cls(path, 1, describe, "uint8", 0, codes=True)

    @property
    def predictor(self) -> str:
        """What GDAL compresses instead of the pixels themselves."""
        if self.codes:
            return "NO"
        return "FLOATING_POINT" if self.dtype.startswith("float") else "STANDARD"


@dataclass
class CogWriter:
    """One raster under way: the plain file, and the checksum of every tile, in their order."""

    raster: Raster
    dataset: DatasetWriter
    checksums: array[int] = field(default_factory=lambda: array("L"))

    def write(self, window: Window, values: npt.NDArray[Any]) -> None:
        """Write a tile, (band, y, x); each tile of the grid once, in the grid's order."""
        self.checksums.append(zlib.crc32(values.tobytes()))
        self.dataset.write(values, window=_rasterio(window))

    def check(self, dataset: DatasetReader, grid: Grid) -> None:
        """Compare the COG with what was written.

        Raises
        ------
        StoreError
            A tile differs.
        """
        for tile, checksum in zip(grid.tiles, self.checksums, strict=True):
            values = dataset.read(window=_rasterio(grid.window(tile)))
            if zlib.crc32(values.tobytes()) != checksum:
                raise StoreError(
                    f"{self.raster.path.name}: {tile.name} is not on the disk as it was written; "
                    "check the disk of the store and its free space, and run again"
                )


@contextmanager
def writing_cogs(grid: Grid, rasters: Sequence[Raster]) -> Iterator[list[CogWriter]]:
    """Lend a writer for each raster; at the end of the block the COGs are made and checked.

    Raises
    ------
    StoreError
        A file is no valid COG, or a tile cannot be read back as it was written.
    """
    with rasterio.Env(GDAL_CACHEMAX=CACHE):
        with ExitStack() as stack:
            writers = [
                CogWriter(raster, stack.enter_context(_plain(raster, grid))) for raster in rasters
            ]
            yield writers
        for writer in writers:
            _make_cog(writer, grid)


def _plain(raster: Raster, grid: Grid) -> DatasetWriter:
    height, width = grid.shape
    block = gcd(grid.tile_size, 512)
    dataset = rasterio.open(
        _scratch(raster.path),
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=raster.bands,
        dtype=raster.dtype,
        nodata=raster.nodata,
        crs=grid.crs,
        transform=grid.geobox.affine,
        tiled=True,
        blockxsize=block,
        blockysize=block,
        compress="DEFLATE",
        zlevel=1,
        bigtiff="IF_SAFER",
        sparse_ok=True,
    )
    raster.describe(dataset)
    return dataset


def _make_cog(writer: CogWriter, grid: Grid) -> None:
    raster = writer.raster
    path, codes = raster.path, raster.codes
    scratch = _scratch(path)
    rasterio.shutil.copy(
        scratch,
        path,
        driver="COG",
        compress="DEFLATE",
        level=str(raster.level or (9 if codes else 6)),
        predictor=raster.predictor,
        blocksize=BLOCK,
        overviews="IGNORE_EXISTING",
        overview_resampling="MODE" if codes else "AVERAGE",
        bigtiff="IF_SAFER",
    )
    scratch.unlink()
    valid, mistakes, warnings = cog_validate(path, strict=True, quiet=True)
    if not valid:
        raise StoreError(f"{path.name}: no valid COG: {'; '.join([*mistakes, *warnings])}")
    with rasterio.open(path) as dataset:
        writer.check(dataset, grid)


def _scratch(target: Path) -> Path:
    return target.with_name(f"plain-{target.name}")


def _rasterio(window: Window) -> RasterWindow:
    height, width = window.shape
    return RasterWindow(window.x0, window.y0, width, height)
