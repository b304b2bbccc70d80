"""The grid a raster was delivered in, by its item's record or else by its own header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyproj
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioIOError

from minecover.errors import DataError
from minecover.geography.grid import Window
from minecover.simulated import is_tagged
from minecover.sources.gdal import gdal_env, reading_error
from minecover.sources.links import redacted
from minecover.sources.manifest import Asset
from minecover.storage.s3 import AMAZON, S3Access

__all__ = ["Header", "NativeGrid", "read_header", "recorded_grid"]


@dataclass(frozen=True)
class NativeGrid:
    """CRS, affine and shape of a raster."""

    crs: str
    transform: tuple[float, float, float, float, float, float]
    shape: tuple[int, int]

    @classmethod
    def of(cls, asset: Asset) -> NativeGrid:
        """Grid of an asset of the manifest."""
        return cls(asset.crs, asset.transform, asset.shape)

    @property
    def affine(self) -> Affine:
        """Column and row to x and y."""
        return Affine(*self.transform)

    def geobox(self, window: Window) -> GeoBox:
        """GeoBox of a window of the raster."""
        affine = self.affine @ Affine.translation(window.x0, window.y0)
        return GeoBox(window.shape, affine, self.crs)

    def bounds(self, crs: str) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in another CRS, edges followed at 21 points each."""
        height, width = self.shape
        left, top = self.affine @ (0, 0)
        right, bottom = self.affine @ (width, height)
        transformer = transformer_between(self.crs, crs)
        edges = transformer.transform_bounds(left, bottom, right, top, densify_pts=21)
        return edges[0], edges[1], edges[2], edges[3]

    def pixel_size(self) -> float:
        """Edge of a pixel in metres; of a geographic grid in its middle, north to south."""
        size = abs(self.transform[4])
        return size if pyproj.CRS(self.crs).is_projected else size * 111_320.0


@dataclass(frozen=True)
class Header:
    """What a raster says of itself: its grid, and whether its data was simulated."""

    grid: NativeGrid
    simulated: bool


@lru_cache(maxsize=64)
def transformer_between(source: str, target: str) -> pyproj.Transformer:
    """Coordinates of one CRS to another, x before y."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def recorded_grid(item: dict[str, Any], asset: str) -> NativeGrid | None:
    """Grid by `proj:*` of the asset, or else of the item; None where the record is not complete.

    Raises
    ------
    DataError
        The record is there, but makes no north-up grid.
    """
    own, common = item["assets"][asset], item.get("properties", {})

    def value(key: str) -> object:
        return own.get(key, common.get(key))

    crs = value("proj:code") or value("proj:epsg") or value("proj:wkt2") or value("proj:projjson")
    transform, shape = value("proj:transform"), value("proj:shape")
    if not (crs and transform and shape):
        return None
    return _grid(crs, transform, shape, f"item {item.get('id')}, asset {asset}: proj:*")


def read_header(path: str, href: str, where: str, s3: S3Access = AMAZON) -> Header:
    """Read a raster's own header.

    Parameters
    ----------
    path
        What GDAL opens.
    href, where
        Link, and item and asset, as messages name them.
    s3
        How buckets are reached.

    Raises
    ------
    DataError
        The file cannot be opened, or has no CRS.
    TryAgainError
        Its server does not answer.
    """
    try:
        with gdal_env(s3), rasterio.open(path) as raster:
            crs, transform, shape = raster.crs, raster.transform, raster.shape
            simulated = is_tagged(raster.tags())
    except RasterioIOError as error:
        raise reading_error(error, href, where) from error
    if crs is None:
        raise DataError(
            f"{where}: {redacted(href)} has no CRS; save it with one (gdal_edit.py -a_srs)"
        )
    grid = _grid(crs.to_wkt(), tuple(transform)[:6], shape, f"{where}: {redacted(href)}")
    return Header(grid, simulated)


def _grid(crs: object, transform: object, shape: object, where: str) -> NativeGrid:
    try:
        known = pyproj.CRS(crs)
        numbers = tuple(float(number) for number in list(transform)[:6])  # type: ignore[call-overload]
        height, width = (int(number) for number in shape)  # type: ignore[attr-defined]
        a, b, c, d, e, f = numbers
    except (pyproj.exceptions.CRSError, TypeError, ValueError) as error:
        raise DataError(f"{where} cannot be understood: {error}; correct the record") from error
    if a <= 0 or e >= 0 or b or d or height < 1 or width < 1:
        raise DataError(f"{where} is no north-up grid {numbers}; warp it to one (gdalwarp)")
    epsg = known.to_epsg()
    return NativeGrid(
        f"EPSG:{epsg}" if epsg else known.to_wkt(), (a, b, c, d, e, f), (height, width)
    )
