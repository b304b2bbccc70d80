"""The rasters of a survey as cloud-optimized GeoTIFFs.

The map is read tile by tile, cut to the area, streamed into plain tiled GeoTIFFs and turned into
COGs by GDAL, so memory does not grow with the area. Equal maps give equal bytes.

=====================  =======  =======  ====================================================
file                   type     nodata   values
=====================  =======  =======  ====================================================
``landuse.tif``        uint8    0        class codes of the survey, with colours and names
``probability.tif``    float32  NaN      one band a class in the survey's order, 0 to 1,
                                         rounded to multiples of 1/4096
``entropy.tif``        float32  NaN      Shannon entropy in bits, 0 to log2 of the number of
                                         classes, rounded to multiples of 1/4096
``applicability.tif``  float32  NaN      dissimilarity index, 0 and more, and the tag
                                         ``threshold``, beyond which the map is not to be
                                         trusted, rounded to multiples of 1/4096
=====================  =======  =======  ====================================================

Probabilities stay float32 so that no reader needs to know a scale. The rounding (2^-12, at most
0.00013 off, far below what a classifier can tell) leaves zeros where float32 would hold noise,
which is what makes the files small.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window as RasterWindow

from minecover.errors import DataError, StoreError
from minecover.geography.grid import Grid, Tile, Window
from minecover.geography.ground_area import Surface
from minecover.products.styles import describe
from minecover.samples.classes import LandUseClass
from minecover.storage.store import FloatArray, Layers

__all__ = ["RASTERS", "ClassArea", "MapSummary", "rasters_of", "write_rasters"]

RASTERS = ("landuse.tif", "probability.tif", "entropy.tif", "applicability.tif")
"""Files written by `write_rasters`, but for applicability.tif where the map has no such layer."""

BLOCK = 256
"""Edge of the blocks of a published COG, in pixels."""

CACHE = 64
"""GDAL's block cache in MB; its default is a share of the machine, which hides what is needed."""

STEP = np.float32(4096)
"""Probabilities, entropy and dissimilarity are kept to 1/4096."""

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass
class ClassArea:
    """How much of the map is one class.

    Attributes
    ----------
    pixels
        Number of pixels.
    hectares
        Their area on the ground.
    entropy
        Sum of their entropy, bits.
    outside
        Hectares outside the area of applicability.
    """

    pixels: int = 0
    hectares: float = 0.0
    entropy: float = 0.0
    outside: float = 0.0

    @property
    def mean_entropy(self) -> float | None:
        """Mean entropy in bits, or None where there is no pixel."""
        return self.entropy / self.pixels if self.pixels else None


@dataclass
class MapSummary:
    """Areas of the published map, by class name; `nodata` is inside the area.

    `threshold` is the dissimilarity beyond which a pixel is outside the area of applicability;
    None: the map does not tell.
    """

    classes: dict[str, ClassArea]
    nodata: ClassArea = field(default_factory=ClassArea)
    threshold: float | None = None

    @property
    def hectares(self) -> float:
        """Area that has a class, in hectares."""
        return sum(item.hectares for item in self.classes.values())

    @property
    def applicability(self) -> dict[str, Any] | None:
        """Share (0-1) of the mapped area outside the area of applicability.

        None: the map does not tell. Else `threshold`, `outside_share`, and `classes`: the share
        of the area of each, by name; a share of nothing is None.
        """
        if self.threshold is None:
            return None
        outside = sum(item.outside for item in self.classes.values())
        return {
            "threshold": self.threshold,
            "outside_share": _share(outside, self.hectares),
            "classes": {
                name: _share(item.outside, item.hectares) for name, item in self.classes.items()
            },
        }


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None


@dataclass
class _Raster:
    """One raster under way: the plain file, and the checksum of every tile, in their order."""

    target: Path
    dataset: DatasetWriter
    checksums: array[int] = field(default_factory=lambda: array("L"))

    def write(self, window: Window, values: npt.NDArray[Any]) -> None:
        self.checksums.append(zlib.crc32(values.tobytes()))
        self.dataset.write(values, window=_rasterio(window))

    def check(self, dataset: DatasetReader, grid: Grid) -> None:
        for tile, checksum in zip(grid.tiles, self.checksums, strict=True):
            values = dataset.read(window=_rasterio(grid.window(tile)))
            if zlib.crc32(values.tobytes()) != checksum:
                raise StoreError(
                    f"{self.target.name}: {tile.name} did not arrive on the disk as it was "
                    "written; check the disk of the store and its room, and run again"
                )


def write_rasters(
    layers: Layers,
    grid: Grid,
    classes: Sequence[LandUseClass],
    paths: Mapping[str, Path],
    on_tile: Callable[[], None] | None = None,
) -> MapSummary:
    """Write the COGs of a map.

    Parameters
    ----------
    layers
        The map: layers `landuse` (class codes), `entropy` (bits), `probability_<class>` and
        perhaps `dissimilarity`, with the attribute `applicability_threshold`; NaN where nodata.
    grid
        Pixels whose centre is off its area become nodata.
    classes
        In the survey's order.
    paths
        Where each of `rasters_of` the map goes.
    on_tile
        Called after each tile.

    Raises
    ------
    DataError
        The map holds a code that no class of the survey has.
    StoreError
        A layer is missing, or a tile cannot be read back as it was written.
    """
    written = rasters_of(layers)
    indices = ["entropy", "dissimilarity"][: len(written) - 2]
    names = ["landuse", *indices, *(f"probability_{item.name}" for item in classes)]
    threshold = layers.attributes["applicability_threshold"] if "dissimilarity" in indices else None
    summary = MapSummary({item.name: ClassArea() for item in classes}, threshold=threshold)
    surface = Surface(grid)
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=CACHE))
        rasters = [_open(stack, grid, paths[name], classes, threshold) for name in written]
        for tile in grid.tiles:
            window = grid.window(tile)
            values = layers.read(window, names)
            inside = grid.area_mask(window)
            codes = _codes(values[0], inside, classes, tile)
            cut = _cut(values[1:], inside)
            probability, *derived = cut[len(indices) :], *cut[: len(indices), None]
            parts: tuple[npt.NDArray[Any], ...] = (codes[None], probability, *derived)
            for raster, part in zip(rasters, parts, strict=True):
                raster.write(window, part)
            _count(summary, codes, inside, derived, classes, surface.pixel_hectares(window))
            if on_tile is not None:
                on_tile()
    with rasterio.Env(GDAL_CACHEMAX=CACHE):
        for raster in rasters:
            _publish(raster, grid)
    return summary


def rasters_of(layers: Layers) -> tuple[str, ...]:
    """Those of `RASTERS` that a map has layers for."""
    return RASTERS if "dissimilarity" in layers.names else RASTERS[:-1]


def _codes(values: FloatArray, inside: Mask, classes: Sequence[LandUseClass], tile: Tile) -> Codes:
    known = [0, *(item.code for item in classes)]
    filled = np.where(inside & ~np.isnan(values), values, np.float32(0))
    if not np.isin(filled, known).all():
        odd = sorted({float(value) for value in filled.ravel()} - set(known))[:3]
        raise DataError(
            f"map.zarr: {tile.name} holds {odd}, which are codes of no class of the survey; "
            "predict again with this survey"
        )
    return filled.astype(np.uint8)


def _cut(values: FloatArray, inside: Mask) -> FloatArray:
    rounded = np.round(values * STEP) / STEP
    return np.where(inside, rounded, np.float32(np.nan)).astype(np.float32)


def _count(
    summary: MapSummary,
    codes: Codes,
    inside: Mask,
    derived: Sequence[FloatArray],
    classes: Sequence[LandUseClass],
    hectares: float,
) -> None:
    entropy, *dissimilarity = (part[0] for part in derived)
    beyond = [part > summary.threshold for part in dissimilarity]
    for code, share in [
        (0, summary.nodata),
        *((item.code, summary.classes[item.name]) for item in classes),
    ]:
        here = (codes == code) & inside
        count = int(np.count_nonzero(here))
        share.pixels += count
        share.hectares += count * hectares
        share.entropy += float(np.nansum(entropy[here], dtype=np.float64))
        share.outside += hectares * sum(np.count_nonzero(here & part) for part in beyond)


def _open(
    stack: ExitStack,
    grid: Grid,
    target: Path,
    classes: Sequence[LandUseClass],
    threshold: float | None,
) -> _Raster:
    height, width = grid.shape
    block = gcd(grid.tile_size, 512)
    landuse = target.name == "landuse.tif"
    dataset = stack.enter_context(
        rasterio.open(
            _scratch(target),
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=len(classes) if target.name == "probability.tif" else 1,
            dtype="uint8" if landuse else "float32",
            nodata=0 if landuse else float("nan"),
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
    )
    describe(dataset, target.name, classes, threshold)
    return _Raster(target, dataset)


def _publish(raster: _Raster, grid: Grid) -> None:
    landuse = raster.target.name == "landuse.tif"
    scratch = _scratch(raster.target)
    rasterio.shutil.copy(
        scratch,
        raster.target,
        driver="COG",
        compress="DEFLATE",
        level="9" if landuse else "6",
        predictor="NO" if landuse else "FLOATING_POINT",
        blocksize=BLOCK,
        overviews="IGNORE_EXISTING",
        overview_resampling="MODE" if landuse else "AVERAGE",
        bigtiff="IF_SAFER",
    )
    scratch.unlink()
    with rasterio.open(raster.target) as dataset:
        raster.check(dataset, grid)


def _scratch(target: Path) -> Path:
    return target.with_name(f"plain-{target.name}")


def _rasterio(window: Window) -> RasterWindow:
    height, width = window.shape
    return RasterWindow(window.x0, window.y0, width, height)
