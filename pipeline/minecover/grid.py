"""One analysis grid per survey, cut into tiles.

A tile is the unit of storage (one shard), of work (one task), of failure and of resume.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import pyproj
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely import make_valid, prepare
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from minecover.errors import SurveyError
from minecover.survey import Area, GridSection, Survey

__all__ = ["Grid", "Tile", "Window", "area_geometry", "survey_grid"]

WGS84 = "EPSG:4326"


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels, half open: rows `y0` to `y1`, columns `x0` to `x1`."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing the last two axes of an array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def pad(self, halo: int) -> Window:
        """Grow by `halo` pixels on every side; may leave the grid."""
        return Window(self.y0 - halo, self.y1 + halo, self.x0 - halo, self.x1 + halo)

    def clip(self, height: int, width: int) -> Window:
        """Cut to a grid of `height` x `width` pixels."""
        return Window(max(self.y0, 0), min(self.y1, height), max(self.x0, 0), min(self.x1, width))


@dataclass(frozen=True, order=True)
class Tile:
    """One tile of the grid by its row and column."""

    row: int
    column: int

    @property
    def name(self) -> str:
        """How the ledger and the log call it, as `r0003c0012`."""
        return f"r{self.row:04d}c{self.column:04d}"


@dataclass(frozen=True)
class Grid:
    """The grid of a survey: a GeoBox, the edge of a tile, and the area on it.

    Attributes
    ----------
    geobox
        CRS, affine and shape of the whole grid.
    tile_size
        Edge of a tile in pixels; the last row and column of tiles may be smaller.
    area
        The surveyed area in the grid's CRS.
    """

    geobox: GeoBox
    tile_size: int
    area: BaseGeometry

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return int(self.geobox.shape[0]), int(self.geobox.shape[1])

    @property
    def crs(self) -> str:
        """The CRS as an authority code where it has one, else as WKT."""
        epsg = self.geobox.crs.epsg
        return f"EPSG:{epsg}" if epsg else str(self.geobox.crs.wkt)

    @property
    def resolution(self) -> float:
        """Pixel edge in metres."""
        return float(self.geobox.resolution.x)

    def window(self, tile: Tile) -> Window:
        """Pixels of a tile, cut at the grid's edge."""
        y0, x0 = tile.row * self.tile_size, tile.column * self.tile_size
        return Window(y0, y0 + self.tile_size, x0, x0 + self.tile_size).clip(*self.shape)

    def window_geobox(self, window: Window) -> GeoBox:
        """GeoBox of any window, also one that leaves the grid."""
        height, width = window.shape
        affine = self.geobox.affine @ Affine.translation(window.x0, window.y0)
        return GeoBox((height, width), affine, self.geobox.crs)

    def tile_geobox(self, tile: Tile, halo: int = 0) -> GeoBox:
        """GeoBox of a tile grown by `halo` pixels."""
        return self.window_geobox(self.window(tile).pad(halo))

    def bounds(self, window: Window) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of a window in the grid's CRS."""
        left, bottom, right, top = self.window_geobox(window).boundingbox
        return left, bottom, right, top

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """Tiles that touch the area, in row-major order."""
        return tuple(self._touching())

    def _touching(self) -> Iterator[Tile]:
        height, width = self.shape
        prepare(self.area)
        for row in range(-(-height // self.tile_size)):
            for column in range(-(-width // self.tile_size)):
                tile = Tile(row, column)
                # intersects() alone also counts tiles that share only an edge with the area
                footprint = box(*self.bounds(self.window(tile))).buffer(-0.01 * self.resolution)
                if self.area.intersects(footprint):
                    yield tile

    def wgs84_bounds(self) -> tuple[float, float, float, float]:
        """Bounding box of the area in degrees, as STAC searches want it."""
        series = gpd.GeoSeries([self.area], crs=self.crs)
        left, bottom, right, top = series.to_crs(WGS84).total_bounds
        return float(left), float(bottom), float(right), float(top)


def survey_grid(survey: Survey) -> Grid:
    """Lay the survey's grid over its area, snapped to whole pixels.

    Raises
    ------
    SurveyError
        The area is empty or unreadable, or the CRS is unknown or not in metres.
    """
    area = area_geometry(survey.area)
    crs = grid_crs(survey.grid, area)
    projected = area.to_crs(crs).iloc[0]
    if projected.is_empty or not projected.area > 0:
        raise SurveyError("area: it has no surface in the grid's CRS; give polygons or a bbox")
    geobox = GeoBox.from_bbox(projected.bounds, crs=crs, resolution=survey.grid.resolution)
    return Grid(geobox, survey.grid.tile, projected)


def area_geometry(area: Area) -> gpd.GeoSeries:
    """Read the area as one geometry in its own CRS.

    Raises
    ------
    SurveyError
        The file cannot be read, has no CRS, or holds no polygon.
    """
    if area.bbox is not None:
        return gpd.GeoSeries([box(*area.bbox)], crs=_crs(area.crs, "area.crs"))
    path = Path(str(area.path))
    try:
        frame = gpd.read_file(path)
    except Exception as error:  # pyogrio and fiona raise classes of their own
        raise SurveyError(f"area.path: cannot read {path}: {error}") from error
    if frame.crs is None:
        raise SurveyError(f"area.path: {path} has no CRS; save it with one")
    polygons = frame.geometry[frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])]
    if polygons.empty:
        raise SurveyError(f"area.path: {path} holds no polygon")
    return gpd.GeoSeries([make_valid(polygons.union_all())], crs=frame.crs)


def grid_crs(section: GridSection, area: gpd.GeoSeries) -> pyproj.CRS:
    """Resolve `grid.crs` for an area.

    Raises
    ------
    SurveyError
        The CRS is unknown or its units are not metres.
    """
    if section.crs == "utm":
        return pyproj.CRS(area.estimate_utm_crs())
    if section.crs == "equal-area":
        centre = area.to_crs(WGS84).iloc[0].centroid
        return pyproj.CRS(
            f"+proj=laea +lat_0={centre.y:.2f} +lon_0={centre.x:.2f} +datum=WGS84 +units=m"
        )
    crs = _crs(section.crs, "grid.crs")
    if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
        raise SurveyError(
            f"grid.crs: {section.crs} is not a projected CRS in metres; "
            "give a UTM zone such as EPSG:32649, or `utm`, or `equal-area`"
        )
    return crs


def _crs(text: str, where: str) -> pyproj.CRS:
    try:
        return pyproj.CRS(text)
    except pyproj.exceptions.CRSError as error:
        raise SurveyError(f"{where}: {text!r} is no known CRS; write it as EPSG:32649") from error
