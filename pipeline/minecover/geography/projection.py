"""Which CRS a survey's grid is in: chosen by the person, or by what the area's extent allows.

A UTM zone shows six degrees of longitude with a scale error under 1 in 1,000 (0.9996 on its
central meridian, 1.00098 on its edge at the equator). An area that leaves its zone by no more
than that error stays on UTM, where the images of that zone are copied and not resampled. A larger
one goes on an equal-area projection of its own, where every pixel is the same ground.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import (
    AlbersEqualAreaConversion,
    LambertAzimuthalEqualAreaConversion,
)

from minecover.arrays import Float64Array
from minecover.errors import SurveyError
from minecover.geography.boundary import HALF_ROUND, WGS84, in_crs, known_crs, unbroken
from minecover.geography.datums import datum_change
from minecover.geography.settings import GridSettings

__all__ = ["equal_area_crs", "grid_crs", "utm_crs"]

UTM_SCALE = 1e-3
"""Largest error of scale for which an area stays on UTM: what every zone has at the equator."""


def grid_crs(section: GridSettings, area: gpd.GeoSeries) -> pyproj.CRS:
    """Resolve `grid.crs` for an area.

    Raises
    ------
    SurveyError
        The CRS is unknown or not projected in metres; or there is no UTM zone there.
    """
    if section.crs == "auto":
        points = _outline(area)
        utm = utm_crs(area)
        return utm if _scale_error(utm, points) <= UTM_SCALE else equal_area_crs(area)
    if section.crs == "utm":
        return utm_crs(area)
    if section.crs == "equal-area":
        return equal_area_crs(area)
    crs = known_crs(section.crs, "grid.crs")
    units = [axis.unit_name for axis in crs.axis_info]
    if not crs.is_projected or units != ["metre", "metre"]:
        raise SurveyError(
            f"grid.crs: {section.crs} is not a projected CRS in metres; "
            "give a UTM zone such as EPSG:32649, or `auto`, or `equal-area`"
        )
    ways = "choose `auto`, or give the CRS as text with +towgs84="
    datum_change(pyproj.CRS(WGS84), crs, in_crs(area, WGS84).bounds, "grid.crs", ways)
    return crs


def utm_crs(area: gpd.GeoSeries) -> pyproj.CRS:
    """UTM zone of the area's centre; that of an area across 180° lies there.

    Raises
    ------
    SurveyError
        It is beyond 84° N or 80° S.
    """
    try:
        return pyproj.CRS(_centre_of_cut(area).estimate_utm_crs())
    except RuntimeError as error:
        raise SurveyError("grid.crs: there is no UTM zone there; give `equal-area`") from error


def equal_area_crs(area: gpd.GeoSeries) -> pyproj.CRS:
    """Lay an equal-area projection on an area, of two kinds the one that distorts angles less.

    Lambert's azimuthal suits areas as wide as they are high, Albers' conic (standard parallels a
    sixth of the latitudes inside their range: Snyder 1987, Map Projections: A Working Manual,
    USGS Professional Paper 1395, p. 99) those that stretch from west to east. Differences under
    0.1° do not count: the azimuthal is taken.
    """
    points = _outline(area)
    west, south, east, north = np.round([*points.min(axis=0), *points.max(axis=0)], 2)
    longitude, latitude = round(_wrapped((west + east) / 2), 2), round((south + north) / 2, 2)
    kinds: dict[str, Any] = {"Lambert": LambertAzimuthalEqualAreaConversion(latitude, longitude)}
    first, second = (round(float(south + part * (north - south) / 6), 2) for part in (1, 5))
    if abs(first + second) > 1:  # a cone on the equator is none
        kinds["Albers"] = AlbersEqualAreaConversion(first, second, latitude, longitude)
    known = {
        kind: ProjectedCRS(
            conversion,
            name=f"{kind} equal area on {abs(latitude):.2f}{'S' if latitude < 0 else 'N'} "
            f"{abs(longitude):.2f}{'W' if longitude < 0 else 'E'}",
            geodetic_crs=pyproj.CRS(WGS84),
        )
        for kind, conversion in kinds.items()
    }
    return min(known.values(), key=lambda crs: round(_angular_distortion(crs, points), 1))


def _outline(area: gpd.GeoSeries) -> Float64Array:
    """Longitude and latitude of points along the outline, (n, 2).

    Of an area across 180° the longitudes go on beyond it, to 360°: RFC 7946 has such an area cut
    there, and its western part would else be thought to lie on the other side of the world.
    """
    return unbroken(np.asarray(shapely.get_coordinates(in_crs(area, WGS84)), dtype=np.float64))


def _centre_of_cut(area: gpd.GeoSeries) -> gpd.GeoSeries:
    """Give the centre of an area across 180°; another area as it is."""
    points = _outline(area)
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    if east <= HALF_ROUND:
        return area
    longitude = (west + east) / 2
    centre = shapely.Point(_wrapped(longitude), (south + north) / 2)
    return gpd.GeoSeries([centre], crs=WGS84)


def _wrapped(longitude: float) -> float:
    """Longitude from -180° to 180°."""
    return longitude - 360 if longitude > HALF_ROUND else longitude


def _scale_error(crs: pyproj.CRS, points: Float64Array) -> float:
    """Largest deviation from 1 of the scale along meridians: on UTM, of the scale altogether."""
    scale = pyproj.Proj(crs).get_factors(points[:, 0], points[:, 1]).meridional_scale
    return float(np.abs(np.asarray(scale) - 1).max())


def _angular_distortion(crs: pyproj.CRS, points: Float64Array) -> float:
    """Largest distortion of an angle, in degrees."""
    factors = pyproj.Proj(crs).get_factors(points[:, 0], points[:, 1])
    return float(np.max(factors.angular_distortion))
