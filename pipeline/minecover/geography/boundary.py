"""The surveyed area: a bounding box, or polygons chosen from a file, as one geometry."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from minecover.arrays import Float64Array
from minecover.errors import SurveyError
from minecover.geography.datums import WGS84, datum_change, densified, moved
from minecover.geography.polygon_files import chosen, read_polygons, transformed
from minecover.geography.settings import AreaSettings

__all__ = [
    "HALF_ROUND",
    "ORDER",
    "WGS84",
    "area_geometry",
    "degree_bounds",
    "in_crs",
    "known_crs",
    "polygonal",
    "unbroken",
]

HALF_ROUND = 180.0
"""Degrees."""

ORDER = (
    "`area.bbox` is left, bottom, right, top in the CRS of `area.crs`: west, south, east, north "
    "where that is in degrees, longitude before latitude, as in a file. `grid.resolution` is in "
    "metres."
)
"""What is mistaken where an area or a grid is impossible."""

POLE, ROUND = 90.0001, 360.0
"""Degrees beyond which there is nothing."""

FAR = 1e9
"""Units of any CRS beyond which there is nothing."""

Geometries = npt.NDArray[np.object_]


def area_geometry(area: AreaSettings) -> gpd.GeoSeries:
    """Read the area as one geometry in its own CRS: polygons with their holes, united.

    Raises
    ------
    SurveyError
        The file cannot be read, has no CRS, or holds no polygon, or none as `where` wants it.
    """
    if area.bbox is not None:
        bounds = gpd.GeoSeries([box(*area.bbox)], crs=known_crs(area.crs, "area.crs"))
        _check_place(bounds)
        return transformed(bounds, area.transformation, "area")
    frame = chosen(read_polygons(area, "area"), area, area.where, "area")
    polygons = polygonal(frame.geometry.to_numpy())
    if not len(polygons):
        raise SurveyError(f"area.path: {area.path} holds no polygon")
    united = gpd.GeoSeries([_united(polygons)], crs=frame.crs)
    _check_place(united)
    return united


def _check_place(area: gpd.GeoSeries) -> None:
    """Refuse an area whose coordinates are none of its CRS.

    Raises
    ------
    SurveyError
        They are without end, or no degrees where the CRS has degrees.
    """
    west, south, east, north = map(float, area.total_bounds)
    known = all(abs(edge) <= FAR for edge in (west, south, east, north))  # and is a number
    if known and area.crs.is_geographic and area.crs.axis_info[0].unit_name == "degree":
        known = south >= -POLE and north <= POLE and west >= -ROUND and east <= ROUND
    if not known:
        raise SurveyError(
            f"area: it lies from {west:g}, {south:g} to {east:g}, {north:g}, which is nowhere in "
            f"{area.crs.name}. {ORDER}"
        )


def in_crs(area: gpd.GeoSeries, crs: pyproj.CRS | str, key: str = "area") -> BaseGeometry:
    """Carry an area into another CRS; long straight edges become the curves they are there.

    Parameters
    ----------
    area
        One geometry.
    crs
        The other.
    key
        Section of the survey that it is of, for messages.

    Raises
    ------
    SurveyError
        A part of it has no place in that CRS, or its datum none that is known.
    """
    own, other = pyproj.CRS(area.crs), pyproj.CRS(crs)
    if own == other:
        geometry: BaseGeometry = area.iloc[0]
        return geometry
    ways = f"give {key}.transformation, or save the file in WGS 84 by a program that knows one"
    change = datum_change(own, other, area.total_bounds, key, ways)
    carried = moved(densified(area.to_numpy(), own), change.transformer.transform)
    if other.is_geographic:
        carried = _cut(carried)
    if not np.isfinite(shapely.get_coordinates(carried)).all():
        raise SurveyError(f"grid.crs: a part of the area has no place in {other.name}")
    return _united(polygonal(carried))


def unbroken(points: Float64Array) -> Float64Array:
    """Let longitudes go on beyond 180° where points lie on both sides of it.

    Parameters
    ----------
    points
        Longitude and latitude, (n, 2).

    Returns
    -------
    The same points where they do not, or where they go round more than half of the globe.
    """
    beyond = points + np.where(points[:, :1] < 0, (360.0, 0.0), (0.0, 0.0))
    crosses = np.ptp(points[:, 0]) > HALF_ROUND > np.ptp(beyond[:, 0])
    return beyond if crosses else points


def degree_bounds(area: BaseGeometry) -> tuple[float, float, float, float]:
    """West, south, east and north of an area in degrees, west above east where it is cut at 180°.

    That is how RFC 7946 has bounding boxes.
    """
    points = unbroken(np.asarray(shapely.get_coordinates(area), dtype=np.float64))
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    return float(west), float(south), float(east - 360 if east > HALF_ROUND else east), float(north)


def _cut(given: Geometries) -> Geometries:
    """Cut what lies across 180° there, as RFC 7946 has it; other geometries stay as they are."""
    points = np.asarray(shapely.get_coordinates(given), dtype=np.float64)
    whole = unbroken(points)
    if whole is points or not np.isfinite(points).all():
        return given
    united = _united(polygonal(shapely.set_coordinates(given.copy(), whole)))
    east = shapely.intersection(united, box(0.0, -90.0, HALF_ROUND, 90.0))
    west = shapely.intersection(united, box(HALF_ROUND, -90.0, 360.0, 90.0))
    back = shapely.transform(west, lambda xy: xy - (360.0, 0.0))
    return np.array([east, back], dtype=np.object_)


def known_crs(text: str, where: str) -> pyproj.CRS:
    """Resolve a CRS that the survey names at `where`.

    Raises
    ------
    SurveyError
        There is none of that name.
    """
    try:
        return pyproj.CRS(text)
    except (pyproj.exceptions.CRSError, UnicodeEncodeError) as error:
        raise SurveyError(f"{where}: {text!r} is no known CRS; write it as EPSG:32649") from error


def polygonal(geometries: Geometries) -> Geometries:
    """Polygons of geometries of any kind, made valid; what has no surface is left out.

    Raises
    ------
    SurveyError
        A coordinate is infinite or no number.
    """
    given = geometries[~(shapely.is_missing(geometries) | shapely.is_empty(geometries))]
    flat = shapely.force_2d(given)
    if not np.isfinite(shapely.get_coordinates(flat)).all():
        raise SurveyError(
            "a polygon has a coordinate that is infinite or no number, or has no place in the "
            f"CRS; correct its file. {ORDER}"
        )
    valid = np.where(shapely.is_valid(flat), flat, shapely.make_valid(flat))
    parts = shapely.get_parts(shapely.get_parts(valid))  # of collections, then of multipolygons
    kept: Geometries = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return kept


def _united(polygons: Geometries) -> BaseGeometry:
    united: BaseGeometry = shapely.union_all(polygons)
    return united
