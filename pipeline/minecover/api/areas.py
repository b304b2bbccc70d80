"""Areas that are given as arguments, and the part of a grid that they need."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from minecover.errors import SurveyError
from minecover.geography.boundary import WGS84, in_crs, polygonal
from minecover.geography.grid import Window
from minecover.geography.polygon_files import read_polygons
from minecover.geography.settings import AreaSettings

__all__ = ["Area", "area_geometry_in", "window_of"]

Area: TypeAlias = "str | Path | Sequence[float] | BaseGeometry | gpd.GeoDataFrame | gpd.GeoSeries"
"""A file of polygons; left, bottom, right, top in degrees; or polygons in memory."""

LAYER = "|layername="
"""Between a file and one of its layers, as QGIS writes it."""


def area_geometry_in(crs: str, area: Area) -> BaseGeometry:
    """Carry an area into a CRS, all its polygons united.

    Raises
    ------
    SurveyError
        It cannot be read, has no CRS or holds no polygon.
    """
    polygons = _polygons(area)
    if polygons.crs is None:
        raise SurveyError("area: the polygons have no CRS; give them one by .set_crs(...)")
    parts = polygonal(polygons.geometry.to_numpy())
    if not len(parts):
        raise SurveyError("area: it holds no polygon")
    return in_crs(gpd.GeoSeries([shapely.union_all(parts)], crs=polygons.crs), crs)


def window_of(geobox: GeoBox, area: BaseGeometry) -> Window:
    """Give the smallest window of a grid that holds an area, as far as the grid reaches.

    Raises
    ------
    SurveyError
        The area does not touch the grid.
    """
    left, bottom, right, top = area.bounds
    place, (height, width) = geobox.affine, geobox.shape
    # a corner on the edge of a pixel is within rounding of it
    columns = np.round((np.array([left, right]) - place.c) / place.a, 6)
    rows = np.round((np.array([top, bottom]) - place.f) / place.e, 6)
    window = Window(
        int(np.floor(rows[0])),
        int(np.ceil(rows[1])),
        int(np.floor(columns[0])),
        int(np.ceil(columns[1])),
    ).clip(height, width)
    if not all(window.shape):
        to_degrees = pyproj.Transformer.from_crs(str(geobox.crs), WGS84, always_xy=True)
        reach = to_degrees.transform_bounds(*geobox.boundingbox.bbox)
        west, south, east, north = (f"{degrees:.4f}" for degrees in reach)
        raise SurveyError(
            f"area: it does not touch the layers, which reach from {west}, {south} to {east}, "
            f"{north} (longitude, latitude)"
        )
    return window


def _box(area: Iterable[Any]) -> BaseGeometry:
    try:
        left, bottom, right, top = (float(edge) for edge in area)
    except (TypeError, ValueError) as error:
        raise SurveyError(
            f"area: a box is four numbers, left, bottom, right, top in degrees, not {area!r}"
        ) from error
    if not (left < right and bottom < top):
        raise SurveyError(
            "area: a box is left, bottom, right, top in degrees, left < right and bottom < top"
        )
    return box(left, bottom, right, top)


def _polygons(area: Area) -> gpd.GeoDataFrame | gpd.GeoSeries:
    if isinstance(area, gpd.GeoDataFrame | gpd.GeoSeries):
        return area
    if isinstance(area, Sequence | np.ndarray) and not isinstance(area, str):
        area = _box(area)
    if isinstance(area, BaseGeometry):
        return gpd.GeoSeries([area], crs=WGS84)
    if not isinstance(area, str | os.PathLike):
        raise SurveyError(
            "area: a file of polygons, a box (left, bottom, right, top), a geometry or a "
            f"GeoDataFrame is wanted, not {type(area).__name__}"
        )
    path, _, layer = str(area).partition(LAYER)
    try:
        return read_polygons(AreaSettings(path=path, layer=layer or None), "area")
    except SurveyError as error:
        text = str(error).replace("area.path", "area").replace("area.layer", "area")
        raise SurveyError(f"{text} (a layer is given as {path}{LAYER}NAME)") from error
