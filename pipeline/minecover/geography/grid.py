"""One analysis grid per survey, cut into tiles.

A tile is the unit of storage (one shard), of work (one task), of failure and of resume.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.errors import SurveyError
from minecover.geography.boundary import ORDER, WGS84, area_geometry, in_crs
from minecover.geography.projection import grid_crs
from minecover.geography.settings import AreaSettings, GridSettings

__all__ = ["Grid", "Tile", "Tiles", "Window", "area_grid"]

MAX_TILES = 4_000_000
"""Of the rectangle around an area: all of China has a million and a half of 256 pixels of 10 m."""

INSET = 0.01
"""Pixels by which a tile must overlap the area: sharing an edge with it is not touching it."""


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

    def shifted(self, rows: int, columns: int) -> Window:
        """Move it by rows and columns."""
        return Window(self.y0 + rows, self.y1 + rows, self.x0 + columns, self.x1 + columns)

    def within(self, frame: Window) -> Window:
        """Cut it to another window and count from that one's corner; empty where they are apart."""
        height, width = frame.shape
        return self.shifted(-frame.y0, -frame.x0).clip(height, width)

    def clip(self, height: int, width: int) -> Window:
        """Cut to a grid of `height` x `width` pixels; empty, at its edge, where it is beyond."""
        y0, y1 = (min(max(y, 0), height) for y in (self.y0, self.y1))
        x0, x1 = (min(max(x, 0), width) for x in (self.x0, self.x1))
        return Window(y0, y1, x0, x1)

    def parts(self, edge: int) -> Iterator[Window]:
        """Cut it into squares of `edge` pixels from its corner, row by row; the last are less."""
        for y in range(self.y0, self.y1, edge):
            for x in range(self.x0, self.x1, edge):
                yield Window(y, min(y + edge, self.y1), x, min(x + edge, self.x1))


@dataclass(frozen=True, order=True, slots=True)
class Tile:
    """One tile of the grid by its row and column; of a survey of periods, in one of them.

    Attributes
    ----------
    row, column
        Its place.
    period
        Name of the period that it is of; empty: the survey names none, or it is of all of them.
    """

    row: int
    column: int
    period: str = ""

    @property
    def name(self) -> str:
        """How the ledger and the log call it, as `r0003c0012` or `2023.r0003c0012`."""
        place = f"r{self.row:04d}c{self.column:04d}"
        return f"{self.period}.{place}" if self.period else place


class Tiles(Sequence[Tile]):
    """Tiles in order, held as two numbers each: a province has hundreds of thousands.

    Parameters
    ----------
    places
        (n, 2) rows and columns; of tiles of several periods (n, 3), with the position of each
        tile's period.
    periods
        Names of the periods.
    """

    def __init__(self, places: npt.NDArray[np.integer], periods: Sequence[str] = ("",)) -> None:
        self._places = places.astype(np.int32)
        self._periods = tuple(periods)

    def _tile(self, row: int, column: int, period: int = 0) -> Tile:
        return Tile(row, column, self._periods[period])

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Tile: ...
    @overload
    def __getitem__(self, index: slice) -> Tiles: ...
    def __getitem__(self, index: int | slice) -> Tile | Tiles:
        if isinstance(index, slice):
            return Tiles(self._places[index], self._periods)
        return self._tile(*self._places[index].tolist())

    def in_periods(self, periods: Sequence[str]) -> Tiles:
        """Give the tiles once in each of some periods, period after period."""
        number = np.repeat(np.arange(len(periods)), len(self))
        places = np.tile(self._places[:, :2], (len(periods), 1))
        return Tiles(np.column_stack([places, number]), periods)

    def spread(self, most: int) -> Tiles:
        """Give tiles at even steps over the area, at most so many."""
        return self[:: -(-len(self) // most)]

    def share(self, index: int, count: int) -> Tiles:
        """Give one of `count` shares, as many tiles in each to within one.

        What a tile costs goes with its place, so they are dealt one after the other, each row from
        one share further on: for two, as a chessboard is coloured.
        """
        rows, columns = self._places[:, :2].T.astype(np.int64)
        width = int(columns.max(initial=0)) + 1
        width += (1 - width) % count if count <= width else 0
        order = np.argsort((rows * width + columns) % count, kind="stable")
        first, last = (len(self) * number // count for number in (index, index + 1))
        return Tiles(self._places[np.sort(order[first:last])], self._periods)

    def __iter__(self) -> Iterator[Tile]:
        for place in self._places:
            yield self._tile(*place.tolist())


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
    def crs_name(self) -> str:
        """The CRS for a person: its authority code, else its name."""
        return self.crs if self.geobox.crs.epsg else str(self.geobox.crs.proj.name)

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

    def bounds(self, window: Window) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of a window in the grid's CRS."""
        left, bottom, right, top = self.window_geobox(window).boundingbox
        return left, bottom, right, top

    @cached_property
    def tiles(self) -> Tiles:
        """Tiles that touch the area, in row-major order."""
        height, width = self.shape
        rows, columns = -(-height // self.tile_size), -(-width // self.tile_size)
        touching = np.zeros((rows, columns), dtype=bool)
        shapely.prepare(self.area)
        self._mark(touching, 0, rows, 0, columns)
        return Tiles(np.argwhere(touching))

    def _mark(self, touching: BoolArray, top: int, bottom: int, left: int, right: int) -> None:
        """Mark the tiles of a block that touch the area, quartering it where its outline runs."""
        if top == bottom or left == right:
            return
        if (bottom - top, right - left) == (1, 1):
            touching[top, left] = self.touches(Tile(top, left))
            return
        size = self.tile_size
        window = Window(top * size, bottom * size, left * size, right * size).clip(*self.shape)
        block = box(*self.bounds(window))
        if self.area.covers(block):
            touching[top:bottom, left:right] = True
        elif self.area.intersects(block):
            middle, centre = (top + bottom) // 2, (left + right) // 2
            for first, last in ((top, middle), (middle, bottom)):
                self._mark(touching, first, last, left, centre)
                self._mark(touching, first, last, centre, right)

    def touches(self, tile: Tile) -> bool:
        """Tell whether a tile touches the area: by more than an edge."""
        left, bottom, right, top = self.bounds(self.window(tile))
        inset = INSET * self.resolution
        inside = box(left + inset, bottom + inset, right - inset, top - inset)
        return bool(self.area.intersects(inside))

    def centres(self, window: Window) -> tuple[Float64Array, Float64Array]:
        """Centres of a window's pixels: their x and their y in the grid's CRS, (y, x) each."""
        affine = self.geobox.affine
        x = affine.c + affine.a * (np.arange(window.x0, window.x1) + 0.5)
        y = affine.f + affine.e * (np.arange(window.y0, window.y1) + 0.5)
        across, down = np.meshgrid(x, y)
        return across, down

    def centres_of(
        self, rows: Int64Array, columns: Int64Array
    ) -> tuple[Float64Array, Float64Array]:
        """Centres of single pixels: their x and their y in the grid's CRS."""
        x, y = self.geobox.affine @ (columns + 0.5, rows + 0.5)
        return x, y

    def area_mask(self, window: Window) -> BoolArray:
        """Tell which pixels of a window have their centre in the area, (y, x).

        Each pixel is decided by itself, so the answer does not depend on how the grid is cut.
        """
        shapely.prepare(self.area)
        if shapely.covers(self.area, box(*self.bounds(window))):
            return np.ones(window.shape, dtype=bool)
        inside = shapely.intersects_xy(self.area, *self.centres(window))
        return np.asarray(inside, dtype=bool)

    def contains(self, rows: Int64Array, columns: Int64Array) -> BoolArray:
        """Tell of single pixels whether their centre is in the area, as `area_mask` does."""
        shapely.prepare(self.area)
        inside = shapely.intersects_xy(self.area, *self.centres_of(rows, columns))
        return np.asarray(inside, dtype=bool)

    def has_pixels(self) -> bool:
        """Tell whether any pixel has its centre in the area."""
        inner = self.area.representative_point()
        column, row = (int(np.floor(place)) for place in ~self.geobox.affine @ (inner.x, inner.y))
        if self.area_mask(Window(row, row + 1, column, column + 1)).any():
            return True
        return any(self.area_mask(self.window(tile)).any() for tile in self.tiles)

    def geometry(self, crs: str) -> BaseGeometry:
        """Give the area in another CRS."""
        return in_crs(gpd.GeoSeries([self.area], crs=self.crs), crs)

    def wgs84_bounds(self) -> tuple[float, float, float, float]:
        """Bounding box of the area in degrees, as STAC searches want it."""
        left, bottom, right, top = self.geometry(WGS84).bounds
        return left, bottom, right, top


def area_grid(area: AreaSettings, settings: GridSettings) -> Grid:
    """Lay a grid over an area, snapped to whole pixels.

    Raises
    ------
    SurveyError
        The area is empty, unreadable, without end or smaller than a pixel, or the CRS is unknown
        or not in metres.
    """
    geometry = area_geometry(area)
    crs = grid_crs(settings, geometry)
    projected = in_crs(geometry, crs)
    if projected.is_empty or not projected.area > 0:
        raise SurveyError("area: it has no surface in the grid's CRS; give polygons or a bbox")
    _check_extent(projected.bounds, settings)
    geobox = GeoBox.from_bbox(projected.bounds, crs=crs, resolution=settings.resolution)
    grid = Grid(geobox, settings.tile, projected)
    if not grid.has_pixels():
        raise SurveyError(
            f"area: no pixel of {settings.resolution:g} m has its centre in it; make the area "
            "larger or grid.resolution finer"
        )
    return grid


def _check_extent(bounds: tuple[float, float, float, float], settings: GridSettings) -> None:
    """Refuse a grid that nobody can mean: of degrees, without end, of exchanged coordinates.

    Raises
    ------
    SurveyError
        It has more than `MAX_TILES` tiles.
    """
    width, height = ((bounds[n + 2] - bounds[n]) / settings.resolution for n in (0, 1))
    tiles = max(width / settings.tile, 1.0) * max(height / settings.tile, 1.0)
    if not tiles <= MAX_TILES:  # not a number where a corner has no place
        raise SurveyError(
            f"area: its grid has {width:.6g} x {height:.6g} pixels of {settings.resolution:g} m, "
            f"{tiles:.3g} tiles; one survey has at most {MAX_TILES:,}. {ORDER} If the area is "
            "right, take larger pixels or tiles, or several surveys"
        )
