"""Surface on the ground: hectares that mean the same everywhere on the map.

A pixel of a UTM grid is not its nominal size (the scale factor is 0.9996 on the central meridian
and grows outwards), so every area that is published is measured in an equal-area projection: the
grid's own where it is one, else a Lambert azimuthal equal-area projection on the area's centre
and the grid's own datum. The projection preserves area everywhere; its centre only keeps straight
pixel edges straight.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import LambertAzimuthalEqualAreaConversion

from minecover.arrays import Float64Array, Int64Array
from minecover.geography.grid import Grid, Window

__all__ = ["SQUARE_METRES", "SQUARE_MILLIMETRES", "Surface", "summed_areas"]

SQUARE_METRES = 10_000.0
"""Square metres of a hectare."""

SQUARE_MILLIMETRES = 10**10
"""Square millimetres of a hectare."""

BLOCK = 32
"""Edge in pixels of blocks whose pixels are taken for equally large: tiles are multiples of it."""

_EQUAL_AREA = (
    "Lambert Azimuthal Equal Area",
    "Lambert Azimuthal Equal Area (Spherical)",
    "Lambert Cylindrical Equal Area",
    "Albers Equal Area",
)


class Surface:
    """Measures polygons and pixels of a grid in hectares.

    Parameters
    ----------
    grid
        The survey's grid; geometries are given in its CRS.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    @cached_property
    def crs(self) -> pyproj.CRS:
        """The equal-area CRS that hectares are measured in."""
        own = pyproj.CRS(self.grid.crs)
        operation = own.coordinate_operation
        if operation is not None and operation.method_name in _EQUAL_AREA:
            return own
        geodetic = own.geodetic_crs
        if geodetic is None:
            return own
        to_degrees = pyproj.Transformer.from_crs(own, geodetic, always_xy=True)
        centre = self.grid.area.centroid
        longitude, latitude = to_degrees.transform(centre.x, centre.y)
        conversion = LambertAzimuthalEqualAreaConversion(latitude, longitude)
        return ProjectedCRS(conversion, geodetic_crs=geodetic)

    @cached_property
    def _transformer(self) -> pyproj.Transformer | None:
        own = pyproj.CRS(self.grid.crs)
        if own == self.crs:
            return None
        return pyproj.Transformer.from_crs(own, self.crs, always_xy=True)

    def hectares(self, geometries: npt.NDArray[np.object_]) -> Float64Array:
        """Area of each geometry.

        Parameters
        ----------
        geometries
            Shapely geometries in the grid's CRS.

        Returns
        -------
        float64, as many, in hectares.
        """
        projected = shapely.transform(geometries, self._project)
        return np.asarray(shapely.area(projected), dtype=np.float64) / SQUARE_METRES

    def perimeters(self, polygons: npt.NDArray[np.object_]) -> Float64Array:
        """Length of the outlines of each polygon on the ellipsoid, holes included, in metres."""
        geod = pyproj.CRS(self.grid.crs).get_geod()
        if geod is None:
            return np.asarray(shapely.length(polygons), dtype=np.float64)
        on_ellipsoid = shapely.transform(polygons, self._geodetic)
        return np.array(
            [geod.geometry_length(shapely.boundary(item)) for item in on_ellipsoid],
            dtype=np.float64,
        )

    def degrees(self, points: Float64Array) -> Float64Array:
        """Longitude and latitude (WGS 84) of points, (n, 2) both."""
        to_degrees = pyproj.Transformer.from_crs(self.grid.crs, "EPSG:4326", always_xy=True)
        return np.column_stack(to_degrees.transform(points[:, 0], points[:, 1]))

    def _geodetic(self, points: Float64Array) -> Float64Array:
        own = pyproj.CRS(self.grid.crs)
        transformer = pyproj.Transformer.from_crs(own, own.geodetic_crs, always_xy=True)
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    def pixel_hectares(self, window: Window) -> float:
        """Mean area of the pixels of a window, in hectares."""
        footprint = np.array([shapely.box(*self.grid.bounds(window))], dtype=object)
        height, width = window.shape
        return float(self.hectares(footprint)[0]) / (height * width)

    def pixel_areas(self, window: Window) -> Int64Array:
        """Area of each pixel of a window, (y, x) int64 in square millimetres.

        Whole numbers add up to the same in any order, and a pixel has the same area in whatever
        window it lies: it is that of the mean pixel of its block of `BLOCK` x `BLOCK` pixels,
        counted from the grid's corner, which differs by less than a millionth from its own.
        """
        rows, columns = (
            np.arange(first // BLOCK, -(-last // BLOCK)) * BLOCK
            for first, last in ((window.y0, window.y1), (window.x0, window.x1))
        )
        affine = self.grid.geobox.affine
        left, top = affine.c + affine.a * columns[None, :], affine.f + affine.e * rows[:, None]
        blocks = shapely.box(left, top + affine.e * BLOCK, left + affine.a * BLOCK, top)
        pixels = self.hectares(blocks) * (SQUARE_MILLIMETRES / BLOCK**2)
        areas = np.round(pixels).astype(np.int64).repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
        return areas[
            window.y0 - rows[0] : window.y1 - rows[0],
            window.x0 - columns[0] : window.x1 - columns[0],
        ]

    def _project(self, points: Float64Array) -> Float64Array:
        if self._transformer is None:
            return points
        x, y = self._transformer.transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y])


def summed_areas(places: npt.NDArray[np.integer], areas: Int64Array, length: int) -> Int64Array:
    """Sum the areas of pixels by place, exactly: a tile has less than 2^53 square millimetres.

    Parameters
    ----------
    places, areas
        Of the same shape: 0 to `length` - 1, and square millimetres.
    length
        How many places there are.
    """
    sums = np.bincount(places.ravel(), weights=areas.ravel(), minlength=length)
    return sums.astype(np.int64)
