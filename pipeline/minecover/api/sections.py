"""Sections of a survey as Python gives them, put into the mappings that a survey file has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from minecover.errors import SurveyError
from minecover.geography.boundary import WGS84, polygonal
from minecover.settings import Frozen, given

__all__ = ["WAYS", "is_in_memory", "located", "refused", "section_of"]

FILES = {"area": "path", "samples": "path", "catalog": "url"}
"""Sections that may be given as the name of their file alone."""

WAYS = {
    "area": "a GeoDataFrame, GeoSeries or geometry of polygons, the name of a file of them, or "
    "(left, bottom, right, top) in degrees",
    "samples": "a GeoDataFrame of points with a column of classes, or the name of a file of them",
    "regions": "a GeoDataFrame of polygons with a column of names, or the name of a file of them",
}
"""What sections that may be in memory are given as."""

FURTHEST = (360.0, 90.0)
"""Degrees of longitude and latitude that a place can have; beyond 180° an area goes on."""


def is_in_memory(value: object) -> bool:
    """Tell whether a value is geometries rather than the name of a file."""
    return isinstance(value, gpd.GeoDataFrame | gpd.GeoSeries | BaseGeometry)


def section_of(name: str, value: Any) -> Any:  # noqa: ANN401
    """Put a section into nested dictionaries of its own, whatever it was given as.

    Raises
    ------
    SurveyError
        It is neither a section nor what can stand for one.
    """
    if name == "area" and isinstance(value, tuple | list | np.ndarray):
        return {"bbox": _box(value)}
    if name in FILES and isinstance(value, str | os.PathLike):
        return {FILES[name]: os.fspath(value)}
    if name in ("area", "samples") and not isinstance(value, Frozen | Mapping):
        return {"path": _path(name, value)}
    section = _plain(value)
    if name == "model" and isinstance(section, dict) and section.get("regions") is not None:
        regions = section["regions"]
        if not isinstance(regions, Mapping):
            section["regions"] = {"path": _path("regions", regions)}
    return section


def refused(argument: str, value: object) -> SurveyError:
    """Say what to give for a section instead of a value."""
    if isinstance(value, pd.DataFrame):
        return SurveyError(
            f"{argument}: a DataFrame has no places; make a GeoDataFrame of it, as by "
            "gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table['x'], table['y']), "
            "crs='EPSG:4326')"
        )
    what = "None" if value is None else f"a {type(value).__name__}"
    return SurveyError(f"{argument}: give {WAYS[argument]}, not {what}")


def located(argument: str, value: object) -> gpd.GeoDataFrame:
    """Give what is in memory as a frame of geometries in a known CRS.

    Raises
    ------
    SurveyError
        It has no geometries or no CRS, or is empty.
    """
    if isinstance(value, BaseGeometry):  # as a bounding box without a CRS: degrees
        _check_degrees(argument, value.bounds)
        value = gpd.GeoSeries([value], crs=WGS84)
    frame = value if isinstance(value, gpd.GeoDataFrame) else gpd.GeoDataFrame(geometry=value)
    if frame.active_geometry_name not in frame.columns:
        raise SurveyError(
            f"{argument}: the GeoDataFrame has no active geometry; name its column by "
            "set_geometry(...)"
        )
    if frame.crs is None:
        raise SurveyError(f"{argument}: it has no CRS; say which it is by set_crs, as 'EPSG:4326'")
    geometries = frame.geometry.to_numpy()
    if (shapely.is_missing(geometries) | shapely.is_empty(geometries)).all():
        raise SurveyError(f"{argument}: it is empty; give {WAYS[argument]}")
    if argument != "samples" and not len(polygonal(geometries)):
        raise SurveyError(f"{argument}: it holds no polygon; give {WAYS[argument]}")
    return frame


def _box(value: Any) -> tuple[float, ...]:  # noqa: ANN401
    """Give left, bottom, right and top."""
    try:
        numbers = tuple(float(number) for number in value)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 4 or not np.isfinite(numbers).all():
        raise SurveyError(
            "area: give left, bottom, right and top in degrees, four numbers, or "
            f"{WAYS['area'].rpartition(', or')[0]}"
        )
    _check_degrees("area", numbers)
    return numbers


def _check_degrees(argument: str, bounds: Any) -> None:  # noqa: ANN401
    """Refuse coordinates that are no degrees."""
    if (np.abs(np.asarray(bounds)) > FURTHEST * 2).any():
        shown = ", ".join(f"{number:.10g}" for number in bounds)
        raise SurveyError(
            f"{argument}: the bounds {shown} are no degrees; give coordinates of another CRS as "
            "gpd.GeoSeries([geometry], crs=...), where a box is shapely.box(left, bottom, right, "
            "top)"
        )


def _path(argument: str, value: object) -> object:
    """Let what is in memory, or the name of a file, stand for its section."""
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    if not is_in_memory(value):
        raise refused(argument, value)
    return value


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Frozen | Mapping):
        return {key: _plain(part) for key, part in given(value).items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value
